import {Component, useEffect, useRef, useState} from "@odoo/owl";
import {lookUp, mayReceive, receive, writeDown} from "./people";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "../desk_hooks";

/** Somebody rings: who it may be, and a key for each. */
export class CallerBar extends Component {
    static template = "telemarketing_base.CallerBar";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.input = useRef("input");
        this.first = useRef("first");
        this.state = useState({number: this.desk.incoming.number, asking: false});
        // A ring while the agent writes takes nothing from under the hand.
        useEffect(
            (rung) => {
                if (!rung) {
                    this.input.el?.focus({preventScroll: true});
                }
            },
            () => [this.incoming.rung]
        );
        // Who was asked for is there: Enter takes the call.
        useEffect(
            (found) => {
                if (found) {
                    this.first.el
                        ?.querySelector("button:enabled")
                        ?.focus({preventScroll: true});
                }
            },
            () => [Boolean(this.incoming.people && !this.incoming.rung)]
        );
    }

    get incoming() {
        // Taken while this is drawn once more: nothing is left to show.
        return this.desk.incoming || {};
    }

    get takes() {
        return mayReceive(this.desk);
    }

    get title() {
        const {display, number} = this.incoming;
        const shown = display || number;
        return shown ? _t("Incoming call: %s", shown) : _t("Incoming call");
    }

    get people() {
        return (this.incoming.people || []).map((card) => ({
            ...card,
            about: [card.city, card.last_result, card.why].filter(Boolean).join(" · "),
        }));
    }

    async find(ev) {
        ev.preventDefault();
        const number = this.state.number.trim();
        if (!number || this.state.asking) {
            return;
        }
        this.state.asking = true;
        await lookUp(this.desk, number);
        this.state.asking = false;
    }

    receive(card) {
        return receive(this.desk, card.target_id);
    }

    writeDown() {
        if (!this.incoming.number) {
            this.incoming.number = this.state.number.trim();
        }
        writeDown(this.desk);
    }

    leave() {
        this.desk.incoming = null;
    }
}
