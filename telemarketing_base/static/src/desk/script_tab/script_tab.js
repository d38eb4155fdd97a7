import {Component, onMounted, onWillDestroy, useState, useSubEnv} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {Reactive} from "@web/core/utils/reactive";
import {standardActionServiceProps} from "@web/webclient/actions/action_service";
import {ScriptPane} from "../script_pane/script_pane";
import {openScriptChannel} from "./script_channel";

// A desk that does not answer two questions running is not there any more.
const ASK_EVERY = 4_000;
const GONE_AFTER = 10_000;

/**
 * What the script's pane asks of a desk, as the real desk last told it. Ticks and the
 * script chosen go back to it: nothing is kept or sent to the server here.
 */
export class ScriptMirror extends Reactive {
    constructor(say) {
        super();
        this.say = say;
        this.inOwnTab = true;
        this.there = false;
        this.told = false;
    }

    get campaign() {
        return {scripts: this.told.scripts, profile_fields: this.told.profile_fields};
    }

    get call() {
        return {script_values: this.told.script_values};
    }

    get draft() {
        return {profile: this.told.profile, confirmed: this.told.confirmed};
    }

    get scriptId() {
        return this.told.scriptId;
    }

    set scriptId(id) {
        this.told.scriptId = id;
        this.say({kind: "script", uuid: this.told.uuid, id});
    }

    // Which result wants which lines, the desk has worked out already.
    get pending() {
        return {dispositionId: 0};
    }

    disposition() {
        return {};
    }

    unsaidFor() {
        return this.told.unsaid;
    }

    toggleConfirmed(key) {
        const read = !this.told.confirmed.includes(key);
        this.say({kind: "tick", uuid: this.told.uuid, key, read});
    }
}

/** The script of the call in a browser tab of its own, beside the desk. */
export class ScriptTab extends Component {
    static template = "telemarketing_base.ScriptTab";
    static components = {ScriptPane};
    static props = {...standardActionServiceProps};

    setup() {
        const mirror = new ScriptMirror((message) =>
            this.channel?.postMessage(message)
        );
        useSubEnv({desk: mirror});
        this.desk = useState(mirror);
        this.heardAt = 0;
        let timer = null;
        onMounted(() => {
            this.env.config?.setDisplayName?.(_t("Script"));
            this.channel = openScriptChannel((message) => this.hear(message));
            this.ask();
            timer = browser.setInterval(() => this.ask(), ASK_EVERY);
        });
        onWillDestroy(() => {
            browser.clearInterval(timer);
            this.channel?.close();
            this.channel = null;
        });
    }

    ask() {
        if (this.desk.there && Date.now() - this.heardAt > GONE_AFTER) {
            this.lose();
        }
        this.channel.postMessage({kind: "hello"});
    }

    /** Nothing of a person stays on a page that nobody takes off it any more. */
    lose() {
        this.desk.there = false;
        this.desk.told = false;
    }

    hear({kind, text}) {
        if (kind === "desk") {
            this.channel.postMessage({kind: "hello"});
        } else if (kind === "gone") {
            this.lose();
        } else if (kind === "state") {
            this.heardAt = Date.now();
            this.desk.there = true;
            this.desk.told = JSON.parse(text).call;
        }
    }
}

registry.category("actions").add("telemarketing_base.script_tab", ScriptTab);
