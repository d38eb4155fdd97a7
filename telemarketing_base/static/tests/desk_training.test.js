import {
    DeskServer,
    instant,
    makeCall,
    makeCampaign,
    setupDeskTests,
} from "./desk_helpers";
import {
    advanceTime,
    animationFrame,
    describe,
    expect,
    press,
    queryOne,
    test,
} from "@odoo/hoot";
import {DeskAction} from "@telemarketing_base/desk/desk_action";
import {ManualProvider} from "@telemarketing_base/telephony/manual_provider";
import {TrainingProvider} from "@telemarketing_base/telephony/training_provider";
import {contains, mountWithCleanup} from "@web/../tests/web_test_helpers";

describe.current.tags("desktop");
const dialled = setupDeskTests();
const phase = (name) => `.o_tm_desk[data-phase=${name}]`;

class TrainingServer extends DeskServer {
    open_desk() {
        return {
            ...super.open_desk(),
            telephony: {provider: "training", capabilities: ["dial", "hangup"]},
        };
    }

    dial(args) {
        const answer = super.dial(args);
        answer.interaction.state = "dialling";
        return {...answer, telephony: {action: "pretend"}};
    }
}

async function openDesk(training = true) {
    const Server = training ? TrainingServer : DeskServer;
    const server = new Server({campaign: makeCampaign({training})});
    server.install();
    await mountWithCleanup(DeskAction, {props: {action: {}}});
    await animationFrame();
    await animationFrame();
    return server;
}

async function hit(...keys) {
    for (const key of keys) {
        await press(key);
        await animationFrame();
    }
}

test("the desk says that it is training, on every page and without scrolling", async () => {
    await openDesk();
    expect(".o_tm_training").toHaveText(
        /Training:\s+nothing of this is real, nobody is called\./
    );
    const seen = () => {
        const {top, bottom, height} =
            queryOne(".o_tm_training").getBoundingClientRect();
        return height > 15 && top >= 0 && bottom <= window.innerHeight;
    };
    expect(seen()).toBe(true);
    await hit("Enter");
    expect(phase("preview")).toHaveCount(1);
    expect(seen()).toBe(true);
});

test("the band says what the invented person does, while it is on the desk", async () => {
    const server = await openDesk();
    expect(".o_tm_training_role").toHaveCount(0);
    const call = makeCall(1);
    call.contact.note = "Invented person. Nobody answers.";
    server.held = call;
    await hit("Enter");
    expect(".o_tm_training_role").toHaveText("Invented person. Nobody answers.");
});

test("a real campaign has no such band", async () => {
    await openDesk(false);
    expect(".o_tm_training").toHaveCount(0);
});

test("a call rings, is answered by itself and is hung up; no number is dialled", async () => {
    await openDesk();
    await hit("Enter");
    await contains(".o_tm_dial").click();
    await animationFrame();
    expect(phase("dialling")).toHaveCount(1);
    await advanceTime(2100);
    await animationFrame();
    expect(phase("talking")).toHaveCount(1);
    await contains(".o_tm_hangup").click();
    await animationFrame();
    expect(phase("wrap_up")).toHaveCount(1);
    expect(dialled).toEqual([]);
});

test("what is hung up while it rings is answered by nobody", async () => {
    const provider = new TrainingProvider();
    const heard = [];
    provider.onState(({state, uuid}) => heard.push(`${state} ${uuid}`));
    await provider.dial({uuid: "u1", number: "+34612345678"});
    await provider.hangup();
    await advanceTime(5000);
    expect(heard).toEqual(["dialling u1", "ended u1"]);
});

test("the agent's own telephone dials nobody invented", async () => {
    const provider = new ManualProvider();
    await expect(
        provider.dial({
            uuid: "u1",
            number: "+34200000001",
            instruction: {action: "pretend"},
        })
    ).rejects.toThrow();
    expect(dialled).toEqual([]);
});

test("the slip says what the result would have done", async () => {
    const server = await openDesk();
    server.on.close_and_get_next = ({uuid, target_id: targetId}) => ({
        ...server.common,
        closed: {
            uuid,
            target_id: targetId,
            state: "done",
            todo: [],
            training: ["Person 1 would have become a prospect."],
        },
        call: false,
        empty: {reasons: [], next_at: instant(600)},
    });
    await hit("Enter");
    await contains(".o_tm_dial").click();
    await animationFrame();
    await advanceTime(2100);
    await hit("1");
    await animationFrame();
    expect(".o_tm_results_notice").toHaveText(
        "Recorded for Person 1: No answer · Person 1 would have become a prospect."
    );
});
