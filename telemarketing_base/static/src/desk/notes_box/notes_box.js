import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "../desk_hooks";

/** Notes that save themselves: here at once, on the server within ten seconds. */
export class NotesBox extends Component {
    static template = "telemarketing_base.NotesBox";
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get saved() {
        if (this.desk.storageFailed) {
            return _t("This computer cannot keep them: its storage is full or closed");
        }
        if (this.desk.notesState === "saved") {
            return _t("Saved");
        }
        return this.desk.notesState === "local"
            ? _t("Kept on this computer")
            : _t("They save themselves");
    }
}
