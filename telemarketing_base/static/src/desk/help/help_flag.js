import {Component, onWillDestroy, useEffect, useRef, useState} from "@odoo/owl";
import {useService} from "@web/core/utils/hooks";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "../desk_hooks";

/** The raised hand: calls the supervisor, and says who comes. */
export class HelpFlag extends Component {
    static template = "telemarketing_base.HelpFlag";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.state = useState({text: ""});
        const menu = useRef("menu");
        useEffect(
            (el) => el?.querySelector("input, button")?.focus({preventScroll: true}),
            () => [menu.el]
        );
        const bus = useService("bus_service");
        const onComing = ({session_id: id, who}) => {
            const {session} = this.desk;
            if (session.id === id && session.help) {
                session.help.who = who;
            }
        };
        bus.subscribe("telemarketing_help_coming", onComing);
        onWillDestroy(() => bus.unsubscribe("telemarketing_help_coming", onComing));
    }

    get help() {
        return this.desk.session.help || null;
    }

    get open() {
        return this.desk.menu === "ask_help";
    }

    get spoken() {
        if (!this.help) {
            return "";
        }
        return this.help.who
            ? _t("%s is coming", this.help.who)
            : _t("Your supervisor has been told");
    }

    get label() {
        if (!this.help) {
            return _t("Ask the supervisor for help");
        }
        return _t("%s. Take the hand down", this.spoken);
    }

    toggle() {
        this.desk.menu = this.open ? "" : "ask_help";
    }

    async ask(ev) {
        ev.preventDefault();
        const {desk} = this;
        if (await desk.request("help", "help", "ask_help", {text: this.state.text})) {
            this.state.text = "";
            desk.menu = "";
        }
    }

    async cancel() {
        if (await this.desk.request("help", "help", "cancel_help")) {
            this.desk.menu = "";
        }
    }
}
