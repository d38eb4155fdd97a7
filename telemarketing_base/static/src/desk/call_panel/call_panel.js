import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {CallTimer} from "../call_timer/call_timer";
import {CallbackPicker} from "../callback_picker/callback_picker";
import {useDesk} from "../desk_hooks";
import {NotesBox} from "../notes_box/notes_box";

/** The call itself: time, number, buttons the line allows, notes, callback, reason. */
export class CallPanel extends Component {
    static template = "telemarketing_base.CallPanel";
    static components = {CallTimer, CallbackPicker, NotesBox};
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get number() {
        const {phone} = this.desk;
        return phone ? phone.display || phone.e164 || phone.raw : _t("No phone");
    }

    get onLine() {
        return ["dialling", "talking"].includes(this.desk.phase);
    }

    get hindrance() {
        return this.desk.phase === "preview" ? this.desk.dialHindrance : "";
    }

    get reasons() {
        return this.desk.campaign.reasons || [];
    }

    get actionTypes() {
        const types = this.desk.campaign.action_types || [];
        return types.length > 1 ? types : [];
    }

    onReason(ev) {
        this.desk.edit({reason_id: Number(ev.target.value) || false});
    }

    onActionType(ev) {
        this.desk.edit({action_type_id: Number(ev.target.value) || false});
    }

    transfer() {
        this.desk.line("transfer", {uuid: this.desk.draft.uuid});
    }
}
