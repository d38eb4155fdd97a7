import {Component} from "@odoo/owl";
import {useDesk} from "../desk_hooks";

/** What nobody may overlook: this is practice. */
export class TrainingBand extends Component {
    static template = "telemarketing_base.TrainingBand";
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    /** What the invented person does and says: there is nobody else to say it. */
    get role() {
        return (this.desk.working && this.desk.call?.contact?.note) || "";
    }
}
