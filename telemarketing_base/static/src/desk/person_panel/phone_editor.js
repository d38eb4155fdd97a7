import {addPhone, markPhone, movePhone} from "../caller/people";
import {Component, useEffect, useRef, useState} from "@odoo/owl";
import {useDesk} from "../desk_hooks";

/** The numbers of the person put right: one more, another order, not theirs. */
export class PhoneEditor extends Component {
    static template = "telemarketing_base.PhoneEditor";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.input = useRef("input");
        this.state = useState({open: false, text: "", notice: ""});
        useEffect(
            (open) => open && this.input.el?.focus({preventScroll: true}),
            () => [this.state.open]
        );
    }

    get phones() {
        const {phones} = this.desk.call;
        return phones.map((phone, place) => ({
            ...phone,
            text: phone.display || phone.e164 || phone.raw,
            bad: phone.state === "bad",
            first: place === 0,
            last: place === phones.length - 1,
        }));
    }

    get stopped() {
        return Boolean(this.desk.busy) || this.desk.offline;
    }

    toggle() {
        this.state.open = !this.state.open;
        this.state.notice = "";
        this.desk.setError("phones", "");
    }

    async add(ev) {
        ev.preventDefault();
        const text = this.state.text.trim();
        if (!text || this.stopped) {
            return;
        }
        const answer = await addPhone(this.desk, text);
        if (answer) {
            this.state.text = "";
            this.state.notice = answer.notice;
        }
    }

    async mark(phone) {
        await markPhone(this.desk, phone.id, !phone.bad);
    }

    async move(phone, step) {
        await movePhone(this.desk, phone.id, step);
    }
}
