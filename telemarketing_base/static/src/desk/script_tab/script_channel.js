import {onMounted, onWillDestroy, useEffect} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {user} from "@web/core/user";
import {session} from "@web/session";

/** Where the script's tab is opened: the action's own path, without the desk. */
export const SCRIPT_TAB_URL = "/odoo/telemarketing-script";

/** Of this person on this database: nobody else's desk is heard. */
export function openScriptChannel(onMessage) {
    const channel = new browser.BroadcastChannel(
        `telemarketing_script.${session.db || ""}.${user.userId}`
    );
    channel.onmessage = ({data}) => onMessage(data || {});
    return channel;
}

/** All that the script's tab is told: what the desk shows as script, and no more. */
export function scriptState(desk) {
    const {call, campaign, draft} = desk;
    if (!desk.working || !call || !campaign || !draft) {
        return {kind: "state", call: false};
    }
    const wanted = desk.pending && desk.disposition(desk.pending.dispositionId);
    return {
        kind: "state",
        call: {
            uuid: draft.uuid,
            name: call.contact.name || "",
            campaign: campaign.name,
            training: Boolean(campaign.training),
            scripts: campaign.scripts || [],
            profile_fields: campaign.profile_fields || [],
            script_values: call.script_values || {},
            profile: draft.profile || {},
            confirmed: draft.confirmed,
            scriptId: desk.scriptId,
            unsaid: wanted ? desk.unsaidFor(wanted) : [],
        },
    };
}

/**
 * The desk's end: tells the script's tab what is on the desk once somebody has asked,
 * and takes its ticks. A tick names the attempt: one meant for the person before
 * falls on nobody else.
 */
export function useScriptTab(desk) {
    let channel = null;
    let followed = false;
    let said = "";

    const mine = () => desk.loaded && !desk.otherSeat && !desk.loggedOut;
    const say = (message) => channel?.postMessage(message);
    // As JSON: what is watched by the page cannot be copied as it is.
    const tell = (again = false) => {
        if (followed && mine()) {
            const text = JSON.stringify(scriptState(desk));
            if (again || text !== said) {
                said = text;
                say({kind: "state", text});
            }
        }
    };
    const hear = {
        hello() {
            followed = true;
            tell(true);
        },
        tick({uuid, key, read}) {
            const {draft, campaign} = desk;
            if (!mine() || !draft || draft.uuid !== uuid) {
                return;
            }
            const known = (campaign?.scripts || []).some((script) =>
                (script.confirm_lines || []).some((line) => line.key === key)
            );
            if (known && draft.confirmed.includes(key) !== Boolean(read)) {
                desk.toggleConfirmed(key);
            }
        },
        script({uuid, id}) {
            if (mine() && desk.draft?.uuid === uuid) {
                desk.scriptId = id;
            }
        },
    };
    const leave = () => say({kind: "gone"});

    onMounted(() => {
        channel = openScriptChannel((message) => hear[message.kind]?.(message));
        // A tab that was there before this desk (or before its reload) is answered.
        say({kind: "desk"});
        browser.addEventListener("pagehide", leave);
    });
    onWillDestroy(() => {
        browser.removeEventListener("pagehide", leave);
        leave();
        channel?.close();
        channel = null;
    });
    return {tell};
}

/** Watches what the script depends on, beside the desk: renders nothing of it. */
export function useScriptNews(desk, tell) {
    useEffect(
        () => tell(),
        () => [
            desk.loaded,
            desk.otherSeat,
            desk.working,
            desk.campaign,
            desk.call,
            desk.call?.contact?.name,
            desk.draft?.uuid,
            desk.draft?.confirmed,
            desk.draft?.profile,
            desk.scriptId,
            desk.pending,
        ]
    );
}
