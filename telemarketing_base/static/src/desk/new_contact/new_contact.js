import {Component, onWillStart, useEffect, useRef, useState} from "@odoo/owl";
import {create, mayReceive, receive} from "../caller/people";
import {useDesk} from "../desk_hooks";

const INPUTS = {email: "email", birthdate: "date"};

/** Somebody who is on no list yet, written down; who is alike is shown first. */
export class NewContact extends Component {
    static template = "telemarketing_base.NewContact";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.root = useRef("root");
        this.state = useState({
            form: null,
            values: {...this.desk.writing.values},
            isCompany: false,
            asked: false,
            basis: "",
            source: "",
            date: "",
        });
        onWillStart(() => {
            this.load();
        });
        useEffect(
            () => {
                this.root.el
                    ?.querySelector("input:not([type=checkbox])")
                    ?.focus({preventScroll: true});
            },
            () => [Boolean(this.state.form)]
        );
    }

    async load() {
        this.state.form = (await this.desk.ask("writing", "contact_form")) || null;
    }

    get writing() {
        // Written down while this is drawn once more: nothing is left to show.
        return this.desk.writing || {duplicates: []};
    }

    get fields() {
        return this.state.form.fields.map((field) => ({
            ...field,
            input: INPUTS[field.name] || "text",
        }));
    }

    get stopped() {
        return !mayReceive(this.desk);
    }

    get basis() {
        return this.state.form.bases.find((each) => each.code === this.state.basis);
    }

    get values() {
        const {phone, ...values} = this.state.values;
        const {writing, state} = this;
        return {
            ...values,
            phones: [phone || ""].filter(Boolean),
            is_company: state.isCompany,
            ...(writing.incoming
                ? {incoming: true, asked: state.asked}
                : {
                      basis: state.basis,
                      basis_source: state.source,
                      basis_date: state.date,
                  }),
        };
    }

    onField(field, ev) {
        this.state.values[field.name] = ev.target.value;
    }

    onBasis(ev) {
        this.state.basis = ev.target.value;
    }

    async save(ev) {
        ev?.preventDefault();
        if (!this.stopped) {
            await create(this.desk, this.values, this.writing.duplicates.length > 0);
        }
    }

    async take(card) {
        if (this.writing.incoming) {
            await receive(this.desk, card.target_id);
        } else if (await this.desk.openTarget(card.target_id)) {
            this.desk.writing = null;
        } else {
            this.desk.setError("writing", this.desk.errors.next);
        }
    }

    leave() {
        this.desk.writing = null;
    }
}
