import {
    DeskServer,
    instant,
    makeCall,
    makeCampaign,
} from "@telemarketing_base/../tests/desk_helpers";
import {animationFrame, press} from "@odoo/hoot";
import {DeskAction} from "@telemarketing_base/desk/desk_action";
import {mockService, mountWithCleanup} from "@web/../tests/web_test_helpers";

export const phase = (name) => `.o_tm_desk[data-phase=${name}]`;

/** The bus of this page: `say(kind, message)` is what the server sends the agent. */
export function fakeBus() {
    const listeners = {};
    const add = (kind, listener) => (listeners[kind] ||= new Set()).add(listener);
    const drop = (kind, listener) => listeners[kind]?.delete(listener);
    mockService("bus_service", {
        isActive: true,
        subscribe: add,
        unsubscribe: drop,
        addEventListener: add,
        removeEventListener: drop,
        addChannel: () => {},
        deleteChannel: () => {},
        forceUpdateChannels: () => {},
        send: () => {},
        start: () => {},
        stop: () => {},
        trigger: () => {},
    });
    return (kind, message) => {
        for (const listener of listeners[kind] || []) {
            listener(message);
        }
    };
}

const CAN = [
    ...["dial", "hangup", "hold", "mute", "keys", "transfer", "third"],
    ...["complete", "drop_third", "record"],
];

/** A server whose campaign Asterisk dials; `phone` is the agent's telephone. */
export class DialerServer extends DeskServer {
    constructor(values = {}) {
        super({
            campaign: makeCampaign({
                dialing_mode: "progressive",
                dials: true,
                auto_next: true,
            }),
            capabilities: CAN,
            phone: {
                state: "up",
                wanted: true,
                reason: "",
                extension: "201",
                alive: true,
                own: true,
            },
            reason: "",
            ...values,
        });
    }

    get common() {
        const common = super.common;
        return {...common, session: {...common.session, phone: {...this.phone}}};
    }

    get waiting() {
        return (
            this.campaign.dials &&
            this.state === "ready" &&
            !this.held && {
                mode: this.campaign.dialing_mode,
                phone: this.phone.state,
                since: instant(),
                reason: this.reason,
                next_at: false,
            }
        );
    }

    open_desk() {
        return {
            ...super.open_desk(),
            waiting: this.waiting,
            telephony: {provider: "asterisk", capabilities: this.capabilities},
        };
    }

    get_next() {
        if (!this.campaign.dials) {
            return super.get_next();
        }
        return {...this.common, call: this.held, empty: false, waiting: this.waiting};
    }

    heartbeat() {
        const found = this.held?.interaction ? {call: this.held} : {};
        return {...super.heartbeat(), waiting: this.waiting, ...found};
    }

    dial(args) {
        const answer = super.dial(args);
        answer.interaction.state = "dialling";
        return {...answer, telephony: {action: "wait"}};
    }

    close_and_get_next(args) {
        const {uuid, target_id: targetId, next} = args;
        this.closed[uuid] = targetId;
        this.held = false;
        this.state = next ? "ready" : "paused";
        return {
            ...this.common,
            closed: {uuid, target_id: targetId, state: "done", todo: []},
            call: false,
            empty: false,
            waiting: this.waiting,
        };
    }

    phone_answer() {
        return {...this.common, waiting: this.waiting};
    }

    control() {
        return {};
    }

    transfer_choices() {
        return {
            now: instant(),
            agents: [{session: 31, name: "Nerea"}],
            campaigns: [{id: 8, name: "Retention"}],
        };
    }

    answer(method, args) {
        // `phone` is a method of the protocol and this server's telephone.
        return super.answer(method === "phone" ? "phone_answer" : method, args);
    }

    /** The person who answered, as the bus brings them. */
    pop(id, uuid = `pop-of-person-${id}`, seconds = 0) {
        const call = makeCall(id);
        call.target.state = "talking";
        call.interaction = {
            uuid,
            state: "talking",
            phone_id: call.phones[0].id,
            started_at: instant(seconds - 8),
            answered_at: instant(seconds),
        };
        this.held = call;
        this.state = "talking";
        return {what: "pop", call, session: this.common.session};
    }
}

export async function frames(count = 3) {
    for (let i = 0; i < count; i++) {
        await animationFrame();
    }
}

export async function openDesk(values = {}) {
    const say = fakeBus();
    const server = new DialerServer(values).install();
    const desk = await mountWithCleanup(DeskAction, {props: {action: {}}});
    await frames();
    return {server, say, store: desk.desk};
}

export async function hit(...keys) {
    for (const key of keys) {
        await press(key);
        await frames(2);
    }
}
