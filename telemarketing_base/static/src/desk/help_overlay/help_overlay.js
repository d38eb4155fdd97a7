import {Component, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {browser} from "@web/core/browser/browser";
import {cookie} from "@web/core/browser/cookie";
import {user} from "@web/core/user";
import {useService} from "@web/core/utils/hooks";
import {useDesk} from "../desk_hooks";

/** The keys of the desk. */
export class HelpOverlay extends Component {
    static template = "telemarketing_base.HelpOverlay";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.orm = useService("orm");
        this.state = useState({waits: false});
    }

    get dark() {
        return cookie.get("color_scheme") === "dark";
    }

    /** Now where there is no call; else when the page is loaded the next time. */
    async switchColors() {
        await this.orm.write("res.users", [user.userId], {
            telemarketing_color_scheme: this.dark ? "light" : "dark",
        });
        if (this.desk.call) {
            this.state.waits = true;
        } else {
            browser.location.reload();
        }
    }

    get keys() {
        const keys = [
            ["1 … 9", _t("Result of the call, when you are not writing")],
            ["Alt+1 … 9", _t("Result of the call, always")],
            ["0, Esc", _t("Back one level of results; out of a text field")],
            ["Alt+Z", _t("Take the last result back, while the slip shows")],
            [_t("a letter"), _t("Find a result by its name")],
            ["Enter", _t("Next person, or record the result that waits for a date")],
            ["Alt+D", _t("Dial")],
            ["Alt+C", _t("Hang up")],
            ["Alt+X", _t("Does not want to be called: recorded at once")],
        ];
        if (this.desk.can("hold")) {
            keys.push(["Alt+R", _t("Hold")]);
        }
        if (this.desk.campaign?.appointments) {
            keys.push(
                ["Alt+J", _t("Appointment: free slots")],
                ["←↑→↓", _t("From slot to slot, on the appointment's page")],
                ["PgUp, PgDn", _t("Day before or after, on the appointment's page")]
            );
        }
        return keys.concat([
            ["Alt+N", _t("Notes")],
            ["Alt+B", _t("Call again: day and hour")],
            ["Alt+S, Alt+H, Alt+O", _t("Script, history, order")],
            ["Alt+L", _t("The next line of the script is read")],
            [_t("Space"), _t("Wait: nothing goes on by itself until Space again")],
            ["Alt+K", _t("Ask for consent; then Alt+Y yes, Alt+Q no")],
            ["Alt+A", _t("Agenda")],
            ["Alt+V", _t("Ask the supervisor for help")],
            ["Alt+I", _t("Incoming call: who rings")],
            ["Alt+W", _t("What the person has with us")],
            [_t("Alt+↑, Alt+↓"), _t("On a phone: dial it earlier, later")],
            ["Alt+P", _t("Pause, and go on")],
            ["F1, ?", _t("This page")],
        ]);
    }

    close() {
        this.desk.menu = "";
    }
}
