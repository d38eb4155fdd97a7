import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatWhen, toMillis} from "../desk_format";
import {ConsentBox} from "../consent_box/consent_box";
import {useDesk} from "../desk_hooks";
import {consume} from "../desk_keys";
import {movePhone} from "../caller/people";
import {PhoneEditor} from "./phone_editor";

const {DateTime} = luxon;

const INPUTS = {
    integer: "number",
    float: "number",
    monetary: "number",
    date: "date",
    datetime: "datetime-local",
};

/** Who is on the desk, whether they may be called, and the campaign's own fields. */
export class PersonPanel extends Component {
    static template = "telemarketing_base.PersonPanel";
    static components = {ConsentBox, PhoneEditor};
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get contact() {
        return this.desk.call.contact;
    }

    get place() {
        const {zip, city, state} = this.contact;
        const town = [zip, city].filter(Boolean).join(" ");
        return [town, state && state !== city ? state : ""].filter(Boolean).join(", ");
    }

    get localTime() {
        const {tz, local_time: told} = this.contact;
        let time = told || "";
        if (tz && luxon.IANAZone.isValidZone(tz)) {
            time = DateTime.fromMillis(this.desk.clock.now, {zone: tz}).toFormat(
                "HH:mm"
            );
        }
        return time && _t("%s there", time);
    }

    get age() {
        return _t("%s years", this.contact.age);
    }

    get attempt() {
        const {attempts, max_attempts: most} = this.desk.call.target;
        const number = this.desk.inCall ? attempts : attempts + 1;
        return most
            ? _t("Attempt %(number)s of %(most)s", {number, most})
            : _t("Attempt %s", number);
    }

    get may() {
        const may = this.desk.call.may_call || {};
        const until = formatWhen(may.until, this.desk.clock.now);
        if (this.desk.call.interaction?.incoming) {
            const why = may.answer === "allowed" ? "" : may.reason;
            return {
                sign: "fa-phone",
                kind: "success",
                text: _t("They called us"),
                may: {
                    ...may,
                    reason: why && _t("They may not be called back: %s", why),
                },
            };
        }
        if (may.answer === "never") {
            return {sign: "fa-ban", kind: "danger", text: _t("May not be called"), may};
        }
        if (may.answer === "until") {
            return {
                sign: "fa-clock-o",
                kind: "warning",
                text: until ? _t("Not before %s", until) : _t("Not now"),
                may,
            };
        }
        return {
            sign: "fa-check",
            kind: "success",
            text: [
                this.basis ? _t("May be called: %s", this.basis) : _t("May be called"),
                this.closes,
            ]
                .filter(Boolean)
                .join(" · "),
            may,
            article: this.desk.call.consent?.article,
        };
    }

    /** Why: "consent 03/2026". */
    get basis() {
        const {basis, basis_on: since} = this.desk.call.consent || {};
        const names = {
            consent: _t("consent"),
            client: _t("existing client"),
            legal_person: _t("firm or professional"),
            request: _t("asked for it"),
        };
        const month = since ? DateTime.fromISO(since).toFormat("MM/yyyy") : "";
        return [names[basis] || basis, month].filter(Boolean).join(" ");
    }

    /** Until when today, if that is what ends it. */
    get closes() {
        const {closes} = this.desk.call.may_call || {};
        const {now} = this.desk.clock;
        const isToday =
            closes &&
            DateTime.fromMillis(toMillis(closes)).hasSame(
                DateTime.fromMillis(now),
                "day"
            );
        return isToday ? _t("until %s", formatWhen(closes, now)) : "";
    }

    get stage() {
        const {funnel_stage: stage} = this.contact;
        const names = {
            contact: _t("Contact"),
            prospect: _t("Prospect"),
            client: _t("Client"),
        };
        return names[stage] || stage;
    }

    phoneText({kind, state}) {
        const kinds = {
            mobile: _t("mobile"),
            fixed: _t("fixed"),
            toll_free: _t("toll-free"),
            shared_cost: _t("shared cost"),
            premium: _t("premium rate"),
            personal: _t("personal"),
            uan: _t("universal access"),
            voip: _t("VoIP"),
            other: "",
        };
        const words = [kinds[kind] ?? kind, state === "bad" ? _t("bad") : ""];
        return words.filter(Boolean).join(" · ");
    }

    get phones() {
        return this.desk.call.phones.map((phone) => ({
            ...phone,
            sign: phone.kind === "mobile" ? "fa-mobile" : "fa-phone",
            what: this.phoneText(phone),
            text: phone.display || phone.e164 || phone.raw,
            chosen: phone.id === this.desk.draft.phone_id,
            barred: phone.callable === false,
            why: phone.reason || _t("This phone may not be called."),
        }));
    }

    /** Alt and an arrow move the phone that has the focus. */
    onPhoneKey(phoneId, ev) {
        const step = {ArrowUp: -1, ArrowDown: 1}[ev.key];
        if (step && ev.altKey && !ev.ctrlKey && !ev.metaKey) {
            consume(ev);
            movePhone(this.desk, phoneId, step);
        }
    }

    get fields() {
        return (this.desk.campaign.profile_fields || [])
            .filter((field) => field.type !== "separator")
            .map((field) => {
                const value = this.desk.profileValue(field.name);
                const selection =
                    field.type === "selection" ? field.selection || [] : null;
                return {
                    ...field,
                    value: value ?? "",
                    input: INPUTS[field.type] || "text",
                    step: field.type === "integer" ? "1" : "any",
                    selection,
                    fixed: ["many2one", "many2many", "tags", "html"].includes(
                        field.type
                    ),
                    shown: Array.isArray(value) ? value.flat().join(", ") : value,
                };
            });
    }

    get details() {
        const {contact} = this;
        const shown = [
            [_t("NIF"), contact.vat],
            [_t("Address"), contact.street],
            [_t("Email"), contact.email],
            [_t("Language"), contact.language],
            [_t("Category"), contact.category],
            [_t("Type"), contact.type],
        ];
        for (const extra of contact.extra || []) {
            shown.push([extra.string, extra.value]);
        }
        return shown
            .filter(
                ([, value]) => value !== false && value !== "" && value !== undefined
            )
            .filter(([, value]) => value !== null)
            .map(([label, value]) => ({label, value}));
    }

    onField(field, ev) {
        const {value, checked} = ev.target;
        if (field.type === "boolean") {
            this.desk.setProfile(field.name, checked);
        } else if (field.input === "number") {
            this.desk.setProfile(field.name, value === "" ? false : Number(value));
        } else if (field.type === "datetime") {
            const when = DateTime.fromISO(value);
            const utc = when.isValid && when.toUTC().toFormat("yyyy-MM-dd HH:mm:ss");
            this.desk.setProfile(field.name, utc);
        } else {
            this.desk.setProfile(field.name, value || false);
        }
    }

    /** A stored instant as the browser's own field wants it. */
    inputValue(field) {
        if (field.type !== "datetime" || !field.value) {
            return field.value === false ? "" : field.value;
        }
        const when = DateTime.fromSQL(field.value, {zone: "utc"});
        return when.isValid
            ? when.setZone("default").toFormat("yyyy-MM-dd'T'HH:mm")
            : "";
    }
}
