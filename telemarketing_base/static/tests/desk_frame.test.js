import {
    DeskServer,
    instant,
    makeCall,
    makeCampaign,
    setupDeskTests,
} from "./desk_helpers";
import {
    Deferred,
    advanceTime,
    animationFrame,
    describe,
    expect,
    press,
    queryOne,
    test,
} from "@odoo/hoot";
import {contains, mountWithCleanup, onRpc} from "@web/../tests/web_test_helpers";
import {DeskAction} from "@telemarketing_base/desk/desk_action";

describe.current.tags("desktop");
const dialled = setupDeskTests();
const phase = (name) => `.o_tm_desk[data-phase=${name}]`;

async function openDesk(campaign = {}, values = {}) {
    const server = new DeskServer({campaign: makeCampaign(campaign), ...values});
    server.install();
    await mountWithCleanup(DeskAction, {props: {action: {}}});
    await animationFrame();
    await animationFrame();
    return server;
}

function talking(values = {}) {
    const interaction = {
        uuid: "u-1-frame",
        state: "talking",
        phone_id: 11,
        started_at: instant(),
    };
    return {held: makeCall(1, {interaction}), ...values};
}

async function seconds(count) {
    for (let second = 0; second < count; second++) {
        await advanceTime(1000);
    }
    await animationFrame();
}

async function hit(...keys) {
    for (const key of keys) {
        await press(key);
        await animationFrame();
    }
}

test("the next person comes when the countdown is over, without a request of its own", async () => {
    const server = await openDesk({auto_next: true, next_seconds: 3}, talking());
    await hit("1");
    expect(phase("ready")).toHaveCount(1);
    expect(".o_tm_countdown_seconds").toHaveText("3");
    const asked = server.calls.length;
    await seconds(4);
    expect(phase("preview")).toHaveCount(1);
    expect(server.calls.length).toBe(asked);
});

test("space holds the countdown and lets it go on; Enter brings the person at once", async () => {
    const server = await openDesk({auto_next: true, next_seconds: 3}, talking());
    await hit("1", " ");
    expect(".o_tm_countdown[data-held='1']").toHaveCount(1);
    await seconds(40);
    expect(phase("ready")).toHaveCount(1);
    expect(server.heard("get_next")).toHaveLength(0);
    await hit("Enter");
    expect(phase("preview")).toHaveCount(1);
    expect(server.heard("get_next")).toHaveLength(0);
});

test("whoever was next in one campaign does not stay on the desk in another", async () => {
    const server = await openDesk({auto_next: true, next_seconds: 5}, talking());
    await hit("1");
    server.on.open_desk = () => {
        const answer = DeskServer.prototype.open_desk.call(server);
        const [first] = answer.campaigns;
        return {...answer, campaigns: [first, {...first, id: 2, name: "Meetings"}]};
    };
    server.on.choose_campaign = () => {
        server.held = false;
        return {...server.common, campaign: {...server.campaign, id: 2}};
    };
    await contains(".o_tm_campaign").click();
    await contains(".o_tm_campaign_card:contains(Meetings)").click();
    await seconds(1);
    expect(phase("ready")).toHaveCount(1);
    await contains(".o_tm_next").click();
    expect(server.heard("get_next")).toHaveLength(1);
    expect(phase("preview")).toHaveCount(1);
});

test("a pause during the countdown gives the person back, not lost", async () => {
    const server = await openDesk({auto_next: true, next_seconds: 5}, talking());
    await hit("1", ["alt", "p"]);
    await contains(".o_tm_pause_reason").click();
    expect(server.heard("set_state").at(-1).state).toBe("paused");
    server.held = false;
    await seconds(10);
    expect(phase("preview")).toHaveCount(0);
});

test("the call starts by itself after the preview, once", async () => {
    const server = await openDesk({preview_seconds: 8});
    await contains(".o_tm_next").click();
    expect(".o_tm_countdown_seconds").toHaveText("8");
    await seconds(6);
    expect(dialled).toHaveLength(0);
    await seconds(4);
    await animationFrame();
    expect(phase("talking")).toHaveCount(1);
    expect(server.heard("dial")).toHaveLength(1);
});

test("space holds the preview; what is typed is no space bar", async () => {
    const server = await openDesk({preview_seconds: 4});
    await contains(".o_tm_next").click();
    await contains(".o_tm_notes textarea").focus();
    await press(" ");
    expect(".o_tm_countdown[data-held='0']").toHaveCount(1);
    queryOne(".o_tm_desk").focus();
    await hit(" ");
    await seconds(20);
    expect(server.heard("dial")).toHaveLength(0);
    expect(".o_tm_hold_countdown").toHaveText(/Go on/);
    await hit(" ");
    await seconds(6);
    expect(server.heard("dial")).toHaveLength(1);
});

test("whoever may not be called is never called by the clock", async () => {
    const mayCall = {answer: "later", until: false, reason: "Sunday", warnings: []};
    const server = await openDesk(
        {preview_seconds: 2},
        {held: makeCall(1, {may_call: mayCall})}
    );
    expect(phase("preview")).toHaveCount(1);
    expect(".o_tm_countdown").toHaveCount(0);
    await seconds(8);
    expect(server.heard("dial")).toHaveLength(0);
});

test("a network that comes back does not ring anybody by surprise", async () => {
    const server = await openDesk({preview_seconds: 3}, {held: makeCall(1)});
    window.dispatchEvent(new Event("offline"));
    await seconds(2);
    window.dispatchEvent(new Event("online"));
    await seconds(8);
    expect(phase("preview")).toHaveCount(1);
    expect(server.heard("dial")).toHaveLength(0);
    expect(".o_tm_countdown[data-held='1']").toHaveCount(1);
});

test("the wrap-up is counted down, then its result is given and nobody called", async () => {
    const server = await openDesk(
        {
            auto_next: true,
            next_seconds: 3,
            wrap_up_seconds: 8,
            wrap_up_disposition_id: 1,
        },
        talking({capabilities: ["dial", "hangup"]})
    );
    await contains(".o_tm_hangup").click();
    expect(".o_tm_timer_cap").toHaveText(/left to record/);
    await seconds(7);
    expect(".o_tm_timer.o_tm_level_amber").toHaveCount(1);
    await seconds(3);
    await animationFrame();
    const [sent] = server.heard("close_and_get_next");
    expect(sent.disposition_id).toBe(1);
    expect(sent.next).toBe(false);
    await seconds(40);
    expect(phase("preview")).toHaveCount(0);
    expect(server.heard("get_next")).toHaveLength(0);
});

test("a callback half agreed is not cut off by the cap: the supervisor is told", async () => {
    const server = await openDesk(
        {wrap_up_seconds: 4, wrap_up_disposition_id: 1},
        talking({capabilities: ["dial", "hangup"]})
    );
    server.on.over_wrap_up = () => ({session: server.common.session});
    await contains(".o_tm_hangup").click();
    await hit("5"); // wants a day and an hour
    await seconds(30);
    expect(server.heard("close_and_get_next")).toHaveLength(0);
    expect(server.heard("over_wrap_up")).toHaveLength(1);
    expect(".o_tm_timer.o_tm_level_red .fa-exclamation-triangle").toHaveCount(1);
});

test("a pause over its cap says so, and the day's pauses run on", async () => {
    const server = await openDesk({}, {state: "paused"});
    const {common} = server;
    server.on.heartbeat = () => ({
        session: {
            ...common.session,
            state: "paused",
            since: instant(-1900),
            reason: "Lunch",
            reason_cap_seconds: 1800,
        },
        figures: {...common.figures, paused_seconds: 600},
    });
    await seconds(62);
    await animationFrame();
    expect(".o_tm_pause_cap.o_tm_level_red").toHaveText(/over the cap/);
    expect(".o_tm_state.o_tm_level_red .fa-exclamation-triangle").toHaveCount(1);
    expect(".o_tm_day").toHaveText(/41:4|41:3|42:/);
});

test("a pause asked for while talking is taken after the result", async () => {
    const server = await openDesk({auto_next: true}, talking());
    await hit(["alt", "p"]);
    await contains(".o_tm_pause_reason").click();
    expect(phase("talking")).toHaveCount(1);
    expect(".o_tm_pause").toHaveText(/Pause after this/);
    await hit("1");
    await animationFrame();
    expect(server.heard("close_and_get_next")[0].next).toBe(false);
    expect(server.heard("set_state").at(-1)).toMatchObject({state: "paused"});
});

test("a key's press shows before the server answers", async () => {
    const server = await openDesk({}, talking());
    const slow = new Deferred();
    server.on.close_and_get_next = () => slow.then(() => undefined);
    press("1");
    await animationFrame();
    expect(".o_tm_results_line").toHaveText(/Recording/);
    slow.resolve();
    await animationFrame();
    await animationFrame();
    expect(".o_tm_results .o_tm_results_notice").toHaveText(
        /Recorded for Person 1: No answer/
    );
});

test("Next and Dial show that they were pressed before the server answers", async () => {
    const server = await openDesk();
    const next = new Deferred();
    server.on.get_next = () => next.then(() => undefined);
    queryOne(".o_tm_next").click();
    await animationFrame();
    expect(".o_tm_next").not.toBeEnabled();
    next.resolve();
    await animationFrame();
    await animationFrame();
    const dial = new Deferred();
    server.on.dial = () => dial.then(() => undefined);
    queryOne(".o_tm_dial").click();
    await animationFrame();
    expect(".o_tm_dial").not.toBeEnabled();
    dial.resolve();
});

test("Alt+L ticks the lines to be read, one after the other", async () => {
    const line = (key, when = "always") => ({
        key,
        text: key,
        legal: false,
        when,
        requirement: "other",
    });
    const script = {
        id: 1,
        version_id: 1,
        name: "S",
        html: "<p>Hi</p>",
        url: false,
        confirm_lines: [line("who"), line("no", "objection"), line("why")],
    };
    await openDesk({scripts: [script]}, talking());
    await hit(["alt", "l"]);
    expect("[data-confirm=who] input").toBeChecked();
    expect("[data-confirm=why] input").not.toBeChecked();
    await hit(["alt", "l"]);
    expect("[data-confirm=why] input").toBeChecked();
    expect("[data-confirm=no] input").not.toBeChecked();
});

test("dark colors chosen in a call wait for the next load; nothing typed is lost", async () => {
    onRpc("res.users", "write", ({args}) => {
        expect.step(args[1].telemarketing_color_scheme);
        return true;
    });
    await openDesk({}, talking());
    await contains(".o_tm_notes textarea").edit("still here", {confirm: false});
    await hit("Escape", "F1");
    await contains(".o_tm_colors").click();
    expect.verifySteps(["dark"]);
    expect(".o_tm_help [role=status]").toHaveText(/loaded the next time/);
    expect(".o_tm_colors").not.toBeEnabled();
    expect(".o_tm_notes textarea").toHaveValue("still here");
});
