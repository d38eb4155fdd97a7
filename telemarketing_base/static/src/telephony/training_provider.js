import {browser} from "@web/core/browser/browser";
import {registry} from "@web/core/registry";

// For so long it rings before the invented person answers, in milliseconds.
export const RINGS = 2_000;

/**
 * Plays a telephone for training campaigns: it rings, somebody answers, it is hung up.
 * No link, no line: nothing leaves the page.
 */
export class TrainingProvider {
    name = "training";
    capabilities = new Set(["dial", "hangup"]);
    _listeners = new Set();
    _uuid = false;
    _timer = null;

    onState(callback) {
        this._listeners.add(callback);
        return () => this._listeners.delete(callback);
    }

    async dial({uuid}) {
        browser.clearTimeout(this._timer);
        this._uuid = uuid;
        this._tell("dialling");
        this._timer = browser.setTimeout(() => this._tell("talking"), RINGS);
    }

    async hangup() {
        browser.clearTimeout(this._timer);
        this._tell("ended");
    }

    _tell(state) {
        for (const callback of this._listeners) {
            callback({state, uuid: this._uuid});
        }
    }
}

registry
    .category("telemarketing_telephony_providers")
    .add("training", () => new TrainingProvider());
