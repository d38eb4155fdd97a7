import {
    Component,
    onMounted,
    onWillDestroy,
    useEffect,
    useExternalListener,
    useRef,
    useState,
    useSubEnv,
} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {user} from "@web/core/user";
import {useService} from "@web/core/utils/hooks";
import {session} from "@web/session";
import {standardActionServiceProps} from "@web/webclient/actions/action_service";
import {AgendaPanel} from "./agenda/agenda_panel";
import {CallPanel} from "./call_panel/call_panel";
import {CallerBar} from "./caller/caller_bar";
import {CampaignChooser} from "./campaign_chooser/campaign_chooser";
import {DeskHeader} from "./desk_header/desk_header";
import {hearCall} from "./caller/people";
import {altLetter, consume, isPressable, isTextField} from "./desk_keys";
import {DeskStorage} from "./desk_storage";
import {DeskStore} from "./desk_store";
import {DispositionBar} from "./disposition_bar/disposition_bar";
import {shownCountdown, toggleHold} from "./frame/pace";
import {HelpOverlay} from "./help_overlay/help_overlay";
import {IdlePanel} from "./idle_panel/idle_panel";
import {NewContact} from "./new_contact/new_contact";
import {PersonPanel} from "./person_panel/person_panel";
import {useScriptNews, useScriptTab} from "./script_tab/script_channel";
import {TrainingBand} from "./training/training_band";
import {WorkPane} from "./work_pane/work_pane";

/** The call desk: one page on which an agent spends the day. */
export class DeskAction extends Component {
    static template = "telemarketing_base.DeskAction";
    static components = {
        AgendaPanel,
        CallPanel,
        CallerBar,
        CampaignChooser,
        DeskHeader,
        DispositionBar,
        HelpOverlay,
        IdlePanel,
        NewContact,
        PersonPanel,
        TrainingBand,
        WorkPane,
    };
    static props = {...standardActionServiceProps};

    setup() {
        const store = new DeskStore({
            orm: useService("orm"),
            telephony: useService("telemarketing_telephony"),
            storage: new DeskStorage(`${session.db || ""}.${user.userId}`),
        });
        useSubEnv({desk: store});
        this.desk = useState(store);
        this.root = useRef("root");
        this.panes = useRef("panes");
        this.state = useState({pane: 0});

        useExternalListener(window, "keydown", this.onKeydown, {capture: true});
        useExternalListener(window, "offline", () => store.networkLost());
        useExternalListener(window, "online", () => store.ping());
        const clock = browser.setInterval(() => store.tick(), 1000);
        onMounted(async () => {
            this.env.config?.setDisplayName?.(_t("Call desk"));
            await store.open();
            this.openAskedTarget();
        });
        onWillDestroy(() => {
            browser.clearInterval(clock);
            store.destroy();
        });
        useScriptNews(this.desk, useScriptTab(store).tell);
        // A new person, or none: the hands are free for the keys again.
        useEffect(
            () => this.root.el?.focus({preventScroll: true}),
            () => [this.desk.draft?.uuid, this.desk.phase === "paused"]
        );
        // On a tablet, what a result still wants is brought into view.
        useEffect(
            (where) => {
                if (where && where !== "effects") {
                    this.showPane(where === "callback" ? 2 : 1);
                }
            },
            () => [this.desk.pending?.where]
        );
    }

    get paneTitles() {
        return [_t("Person"), _t("Script and order"), _t("Call")];
    }

    get body() {
        const {phase} = this.desk;
        if (this.desk.working) {
            return "work";
        }
        return phase === "no_campaign" ? "choose" : phase;
    }

    get waitsForNetwork() {
        return this.desk.offline && !this.desk.loaded;
    }

    showPane(index) {
        this.state.pane = index;
        const pane = this.panes.el?.children[index];
        if (pane && this.panes.el.scrollWidth > this.panes.el.clientWidth) {
            this.panes.el.scrollTo({
                left: pane.offsetLeft - this.panes.el.offsetLeft,
                behavior: "smooth",
            });
        }
    }

    onPanesScroll() {
        const {scrollLeft, scrollWidth, clientWidth, children} = this.panes.el;
        const end = scrollLeft + clientWidth >= scrollWidth - 8;
        const width = children[0].offsetWidth || 1;
        this.state.pane = end && scrollLeft > 0 ? 2 : Math.round(scrollLeft / width);
    }

    /** The person that a list of callbacks or records sent us here for. */
    openAskedTarget() {
        const context = this.props.action?.context || {};
        const {
            telemarketing_target_id: targetId,
            telemarketing_campaign_id: campaignId,
        } = context;
        if (targetId && !this.desk.otherSeat && !this.desk.call) {
            // Once: coming back to the desk must not bring the same person again.
            delete context.telemarketing_target_id;
            this.desk.openTarget(targetId, campaignId);
        }
    }

    onKeydown(ev) {
        if (ev.defaultPrevented || ev.isComposing || !this.mine(ev.target)) {
            return;
        }
        const letter = altLetter(ev);
        const plain = !ev.ctrlKey && !ev.metaKey && !ev.altKey;
        const action = letter ? this.letters[letter] : plain && this.keyAction(ev);
        if (action) {
            consume(ev);
            if (!ev.repeat) {
                action();
            }
        }
    }

    /** What a key without modifiers does here, if anything. */
    keyAction({key, target}) {
        const {desk} = this;
        const writing = isTextField(target);
        if (key === "F1" || (key === "?" && !writing)) {
            return () => this.openMenu("help");
        }
        if (key === "Escape") {
            return this.escape;
        }
        if (writing || isPressable(target)) {
            return null;
        }
        if (key === " " && shownCountdown(desk)) {
            return () => toggleHold(desk);
        }
        return key === "Enter" && !desk.menu ? () => this.onEnter() : null;
    }

    /** What Escape closes: what was opened last, over the rest. */
    get escape() {
        const {desk} = this;
        for (const part of ["writing", "incoming"]) {
            if (desk[part]) {
                return () => {
                    desk[part] = null;
                };
            }
        }
        return desk.menu ? () => this.openMenu("") : null;
    }

    /** Opens a menu, or closes it when it is the open one. */
    openMenu(menu) {
        this.desk.menu = this.desk.menu === menu ? "" : menu;
    }

    /** A menu that the server answers: not while the desk is closed or offline. */
    openPart(menu) {
        const {desk} = this;
        if (desk.loaded && !desk.offline && !desk.otherSeat) {
            this.openMenu(menu);
        }
    }

    onEnter() {
        const {desk} = this;
        if (desk.idle) {
            desk.next();
        } else if (desk.pending) {
            desk.close(desk.pending.dispositionId);
        }
    }

    get letters() {
        const {desk} = this;
        const letters = {
            P: () => this.togglePause(),
            I: () => hearCall(desk),
            D: () => desk.dial(),
            C: () => desk.hangup(),
            X: () => desk.object(),
            Z: () => desk.undoClose(),
            N: () => this.focusOn(2, ".o_tm_notes textarea"),
            A: () => this.openPart("agenda"),
            V: () => this.openPart("ask_help"),
            B: () => this.focusOn(2, ".o_tm_callback button, .o_tm_callback input"),
        };
        if (desk.canAskConsent && !desk.consentSaid) {
            letters.K = () => {
                this.showPane(0);
                desk.toggleAsking("ask");
            };
        }
        if (desk.asking === "ask") {
            letters.Y = () => desk.recordConsent(true);
            letters.Q = () => desk.recordConsent(false);
        }
        if (desk.can("hold")) {
            letters.R = () => desk.line("hold");
        }
        if (desk.working) {
            letters.L = () => {
                desk.tab = "script";
                this.showPane(1);
                desk.tickNextLine();
            };
        }
        const tabs = {script: "S", history: "H", order: "O"};
        for (const pane of desk.panes) {
            const letter = pane.hotkey || tabs[pane.id];
            if (letter && desk.working) {
                letters[letter] = () => {
                    desk.tab = pane.id;
                    this.showPane(1);
                };
            }
        }
        return letters;
    }

    togglePause() {
        const {desk} = this;
        if (desk.phase === "paused") {
            desk.ready();
        } else if (desk.pauseAfter) {
            desk.cancelPause();
        } else if (desk.loaded && desk.campaign) {
            this.openMenu("pause");
        }
    }

    focusOn(pane, selector) {
        this.showPane(pane);
        this.root.el.querySelector(selector)?.focus({preventScroll: true});
    }

    /** Keys that belong to a dialog or a menu of Odoo's are not ours. */
    mine(target) {
        return target === document.body || this.root.el?.contains(target);
    }
}

registry.category("actions").add("telemarketing_base.desk", DeskAction);
