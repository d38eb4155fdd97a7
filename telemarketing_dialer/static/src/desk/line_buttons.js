import {Component, onMounted, useExternalListener, useRef, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {consume, digitOf, isTextField} from "@telemarketing_base/desk/desk_keys";
import {useDesk} from "@telemarketing_base/desk/desk_hooks";

/** What else Asterisk's line can do: mute, keys, somebody else, the recording. */
export class LineButtons extends Component {
    static template = "telemarketing_dialer.LineButtons";
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get talking() {
        return this.desk.phase === "talking";
    }

    get recordingPaused() {
        return this.desk.lineNow.recording === false;
    }

    toggle(menu) {
        this.desk.menu = this.desk.menu === menu ? "" : menu;
    }
}

/** A telephone's keys, for the machines of whom we call; digits of the keyboard too. */
export class Keypad extends Component {
    static template = "telemarketing_dialer.Keypad";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.root = useRef("root");
        this.state = useState({sent: ""});
        this.keys = [..."123456789*0#"];
        onMounted(() => this.root.el.focus());
        useExternalListener(window, "keydown", this.onKeydown, {capture: true});
    }

    onKeydown(ev) {
        const key = ["*", "#"].includes(ev.key) ? ev.key : digitOf(ev);
        if (
            key &&
            !ev.ctrlKey &&
            !ev.metaKey &&
            !ev.altKey &&
            !isTextField(ev.target)
        ) {
            consume(ev);
            if (!ev.repeat) {
                this.send(key);
            }
        }
    }

    send(key) {
        this.state.sent = (this.state.sent + key).slice(-16);
        return this.desk.command("keys", {digits: key});
    }
}

/** To whom the call goes: a colleague, a campaign, another number; alone or together. */
export class TransferBox extends Component {
    static template = "telemarketing_dialer.TransferBox";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.root = useRef("root");
        this.state = useState({attended: false, number: "", asked: ""});
        onMounted(() => this.root.el.focus());
        useExternalListener(window, "keydown", this.onKeydown, {capture: true});
    }

    get third() {
        return this.desk.lineNow.third;
    }

    get agents() {
        return (this.desk.transferTo?.agents || []).slice(0, 9);
    }

    get campaigns() {
        return this.desk.transferTo?.campaigns || [];
    }

    get nobody() {
        const {transferTo} = this.desk;
        return transferTo && !this.agents.length && !this.campaigns.length;
    }

    get how() {
        return this.state.attended ? "attended" : "blind";
    }

    onKeydown(ev) {
        const agent = this.agents[Number(digitOf(ev)) - 1];
        const plain = !ev.ctrlKey && !ev.metaKey && !ev.altKey;
        if (agent && plain && !this.third && !isTextField(ev.target)) {
            consume(ev);
            if (!ev.repeat) {
                this.toAgent(agent);
            }
        }
    }

    async ask(what, action, params) {
        if (!this.state.asked) {
            this.state.asked = what;
            const done = await this.desk.command(action, params);
            if (!done) {
                this.state.asked = "";
            }
        }
    }

    toAgent(agent) {
        const what = _t("Asked: %s", agent.name);
        const params = {to: "agent", session: agent.session, how: this.how};
        return this.ask(what, "transfer", params);
    }

    toCampaign(campaign) {
        const params = {to: "campaign", campaign: campaign.id};
        return this.ask(_t("Asked: %s", campaign.name), "transfer", params);
    }

    toNumber() {
        const {number} = this.state;
        const params = {to: "number", number: number.trim(), how: this.how};
        return this.ask(_t("Asked: %s", number), "transfer", params);
    }

    /** All three hear each other. */
    together() {
        const number = this.state.number.trim();
        return this.ask(_t("Asked: %s", number), "third", {number});
    }

    onNumber(ev) {
        ev.preventDefault();
        return this.state.number.trim() && this.toNumber();
    }
}
