import {reactive} from "@odoo/owl";
import {registry} from "@web/core/registry";

/**
 * The seam between the desk and whatever carries the call.
 *
 * A provider is a factory `(env) => provider` in the registry category
 * `telemarketing_telephony_providers`, and a provider is
 * `{name, capabilities:Set, dial({number, uuid, instruction}), hangup(), hold(),
 * transfer({number}), record(), onState(callback)}`. It calls back with
 * `{state: "dialling" | "talking" | "held" | "ended", uuid, cause, recording}`; a
 * change without a state tells something else, which the desk's store understands.
 * Its capabilities decide which buttons exist.
 */
export const telephonyService = {
    start(env) {
        const factories = registry.category("telemarketing_telephony_providers");
        const listeners = new Set();
        const made = {};
        const status = reactive({
            provider: "manual",
            capabilities: [],
            state: "idle",
            recording: false,
            uuid: false,
        });
        let provider = null;
        let allowed = null;

        const tell = (from, change) => {
            if (from !== provider) {
                return;
            }
            if (change.state) {
                const over = change.state === "ended";
                status.state = over ? "idle" : change.state;
                status.uuid = over ? false : change.uuid || status.uuid;
                status.recording = Boolean(change.recording);
            }
            for (const callback of listeners) {
                callback(change);
            }
        };

        function refresh() {
            status.capabilities = [...provider.capabilities].filter(
                (capability) =>
                    !allowed ||
                    allowed.has(capability) ||
                    provider.local?.has(capability)
            );
        }

        /** Chooses the provider that the server names; unknown ones fall to manual. */
        function use(name, capabilities = null) {
            const key = factories.contains(name) ? name : "manual";
            if (!made[key]) {
                const fresh = factories.get(key)(env);
                fresh.onState?.((change) => tell(fresh, change));
                made[key] = fresh;
            }
            provider = made[key];
            allowed = capabilities && new Set(capabilities);
            status.provider = key;
            refresh();
        }

        use("manual");
        return {
            status,
            use,
            can: (capability) => status.capabilities.includes(capability),
            dial: (call) => provider.dial(call),
            hangup: () => provider.hangup?.(),
            hold: () => provider.hold?.(),
            transfer: (to) => provider.transfer?.(to),
            record: () => provider.record?.(),
            onState(callback) {
                listeners.add(callback);
                return () => listeners.delete(callback);
            },
        };
    },
};

registry.category("services").add("telemarketing_telephony", telephonyService);
