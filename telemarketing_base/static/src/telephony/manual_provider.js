import {registry} from "@web/core/registry";

const DIALLABLE = /^(tel|sip|sips|callto):/i;

/**
 * Hands the number to whatever answers "tel:" links on this computer (a softphone, a
 * paired mobile). It hears nothing back: what was dialled counts as talking, and
 * hanging up only ends the count here.
 */
export class ManualProvider {
    name = "manual";
    capabilities = new Set(["dial", "hangup"]);
    // What needs nobody else, whatever the server says of the provider.
    local = new Set(["hangup"]);
    _listeners = new Set();
    _uuid = false;

    onState(callback) {
        this._listeners.add(callback);
        return () => this._listeners.delete(callback);
    }

    async dial({uuid, number, instruction}) {
        if (instruction?.action === "pretend") {
            throw new Error("Nobody is dialled in a training");
        }
        const uri = instruction?.uri || (number ? `tel:${number}` : "");
        if (!DIALLABLE.test(uri)) {
            throw new Error(`Not a link that dials: ${uri}`);
        }
        this._openUri(uri);
        this._uuid = uuid;
        this._tell({state: "talking", uuid, assumed: true});
    }

    async hangup() {
        this._tell({state: "ended", uuid: this._uuid});
    }

    _openUri(uri) {
        const link = document.createElement("a");
        link.href = uri;
        link.hidden = true;
        document.body.appendChild(link);
        link.click();
        link.remove();
    }

    _tell(change) {
        for (const callback of this._listeners) {
            callback(change);
        }
    }
}

registry
    .category("telemarketing_telephony_providers")
    .add("manual", () => new ManualProvider());
