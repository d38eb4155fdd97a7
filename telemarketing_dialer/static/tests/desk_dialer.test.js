import {advanceTime, describe, expect, queryOne, test} from "@odoo/hoot";
import {browser} from "@web/core/browser/browser";
import {contains, patchWithCleanup} from "@web/../tests/web_test_helpers";
import {
    instant,
    makeCampaign,
    setupDeskTests,
    userError,
} from "@telemarketing_base/../tests/desk_helpers";
import {frames, hit, openDesk, phase} from "./dialer_helpers";

describe.current.tags("desktop");
setupDeskTests();

const manual = () =>
    makeCampaign({dialing_mode: "manual", dials: false, auto_next: false});

test("waiting, the desk says so, for how long and why nothing is dialled", async () => {
    const {server, store} = await openDesk();
    expect(".o_tm_idle_now h2").toHaveText("Waiting for a call");
    expect(".o_tm_state_label").toHaveText("Waiting");
    expect(".o_tm_waiting_time").toHaveCount(1);
    expect(".o_tm_next").toHaveCount(0);
    expect(".o_tm_waiting_why").toHaveCount(0);
    server.reason = "Dialling is stopped by a supervisor.";
    await store.heartbeat();
    await frames();
    expect(".o_tm_waiting_why").toHaveText("Dialling is stopped by a supervisor.");
});

test("who answers is on the desk at once, talking, with no request", async () => {
    const {server, say} = await openDesk();
    const before = server.calls.length;
    say("telemarketing.dialer", server.pop(4));
    await frames();
    expect(phase("talking")).toHaveCount(1);
    expect(".o_tm_name, .o_tm_person h2").toHaveText(/Person 4/);
    expect(server.calls.length).toBe(before);
    expect(document.activeElement).toBe(queryOne(".o_tm_desk"));
});

test("a key meant for the screen before classifies nobody who has just come", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    await hit("1");
    expect(server.heard("close_and_get_next")).toEqual([]);
    await advanceTime(1600);
    await hit("1");
    expect(server.heard("close_and_get_next")[0].uuid).toBe("pop-of-person-4");
});

test("the same pop twice, and one that comes after its result, change nothing", async () => {
    const {server, say, store} = await openDesk();
    const pop = server.pop(4);
    say("telemarketing.dialer", pop);
    await frames();
    store.setNotes("He wants fibre");
    say("telemarketing.dialer", server.pop(4));
    await frames();
    expect(store.draft.notes).toBe("He wants fibre");
    await advanceTime(1600);
    await hit("1");
    expect(phase("ready")).toHaveCount(1);
    say("telemarketing.dialer", server.pop(4));
    await frames();
    expect(phase("ready")).toHaveCount(1);
});

test("who comes while the last result is on its way is shown when it has arrived", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    await advanceTime(1600);
    server.on.close_and_get_next = (args) => {
        const answer = server.close_and_get_next(args);
        // The dialer is faster than the answer.
        say("telemarketing.dialer", server.pop(5));
        return answer;
    };
    await hit("1");
    await frames();
    expect(phase("talking")).toHaveCount(1);
    expect(".o_tm_name, .o_tm_person h2").toHaveText(/Person 5/);
});

test("a pop that got lost is found by the next look at the server", async () => {
    const {server} = await openDesk();
    server.pop(4);
    await advanceTime(16_000);
    await frames();
    expect(phase("talking")).toHaveCount(1);
    expect(server.heard("heartbeat")).not.toEqual([]);
});

test("a pop that slept in the network is asked about before it is shown", async () => {
    const {server, say} = await openDesk();
    const late = server.pop(4, "late-pop-of-4", -90);
    server.held = false;
    server.state = "ready";
    say("telemarketing.dialer", late);
    await frames();
    expect(phase("ready")).toHaveCount(1);
    expect(server.heard("heartbeat").length).toBe(1);
});

test("an answer that was under way does not take away who came meanwhile", async () => {
    const {server, say, store} = await openDesk();
    server.on.get_next = () => {
        const answer = server.get_next();
        say("telemarketing.dialer", server.pop(4));
        return answer;
    };
    await store.next();
    await frames();
    expect(phase("talking")).toHaveCount(1);
});

test("a call that was finished at another seat is not shown when it is taken over", async () => {
    const {server, say, store} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    server.held = false;
    server.state = "ready";
    await store.takeOver();
    await frames();
    expect(phase("ready")).toHaveCount(1);
});

test("somebody who comes is heard, unless the agent wants silence", async () => {
    const heard = [];
    const node = () => ({
        connect: () => {},
        start: () => heard.push("note"),
        stop: () => {},
        gain: {},
        frequency: {},
    });
    class Context {
        currentTime = 0;
        destination = {};
        createGain = node;
        createOscillator = node;
        close() {}
    }
    patchWithCleanup(browser, {AudioContext: Context});
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    expect(heard.length).toBe(2);
    await advanceTime(1600);
    await hit("1");
    await contains(".o_tm_chime").click();
    heard.length = 0;
    say("telemarketing.dialer", server.pop(5));
    await frames();
    expect(heard).toEqual([]);
});

test("the other side hangs up: the agent writes the result in peace", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    say("telemarketing.call", {uuid: "pop-of-person-4", state: "ended", cause: "16"});
    await frames();
    expect(phase("wrap_up")).toHaveCount(1);
});

test("an agent who wanted a pause is paused with the result, not called", async () => {
    const {server, say, store} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    await advanceTime(1600);
    await store.pause(3);
    await hit("1");
    await frames();
    expect(server.heard("close_and_get_next")[0].next).toBe(false);
    expect(phase("paused")).toHaveCount(1);
});

test("hold, mute and keys reach the line of this call, from the keyboard", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    await hit(["alt", "r"], ["alt", "m"], ["alt", "e"]);
    expect(".o_tm_keypad").toHaveCount(1);
    await hit("7", "#");
    await contains(".o_tm_keypad [data-key='*']").click();
    await hit("Escape");
    expect(".o_tm_keypad").toHaveCount(0);
    expect(server.heard("control").map(({action, params}) => [action, params])).toEqual(
        [
            ["hold", {on: true}],
            ["mute", {on: true}],
            ["keys", {digits: "7"}],
            ["keys", {digits: "#"}],
            ["keys", {digits: "*"}],
        ]
    );
    expect(server.heard("control")[0].uuid).toBe("pop-of-person-4");
    expect(server.heard("close_and_get_next")).toEqual([]);
});

test("buttons show what the line is, not what was asked of it", async () => {
    const {server, say, store} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    await contains(".o_tm_hold").click();
    expect(".o_tm_hold").toHaveAttribute("aria-pressed", "false");
    const uuid = "pop-of-person-4";
    say("telemarketing.dialer", {what: "line", uuid, held: true});
    say("telemarketing.dialer", {what: "line", uuid: "another", muted: true});
    await frames();
    expect(".o_tm_hold").toHaveAttribute("aria-pressed", "true");
    expect(".o_tm_mute").toHaveAttribute("aria-pressed", "false");
    await contains(".o_tm_hold").click();
    expect(server.heard("control").at(-1).params).toEqual({on: false});
    say("telemarketing.dialer", {what: "line", uuid, error: "Asterisk refused it."});
    await frames();
    expect(".o_tm_call_line").toHaveText("Asterisk refused it.");
    expect(store.held).toBe(true);
});

test("what the server refuses stands beside the buttons", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    server.on.control = () => {
        throw userError("There is no call to do this with.");
    };
    await contains(".o_tm_mute").click();
    await frames();
    expect(".o_tm_call_line").toHaveText("There is no call to do this with.");
});

test("a call goes to a colleague by a digit, and to a number after talking", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    await hit(["alt", "t"]);
    await frames();
    expect(".o_tm_to_agent").toHaveText(/Nerea/);
    expect(".o_tm_to_campaign").toHaveText(/Retention/);
    await hit("1");
    expect(server.heard("control").at(-1)).toMatchObject({
        action: "transfer",
        params: {to: "agent", session: 31, how: "blind"},
    });
    await hit(["alt", "t"], ["alt", "t"]);
    await contains(".o_tm_attended").click();
    await contains(".o_tm_to_number").edit("961 234 567");
    await frames();
    expect(server.heard("control").at(-1)).toMatchObject({
        action: "transfer",
        params: {to: "number", number: "961 234 567", how: "attended"},
    });
    const uuid = "pop-of-person-4";
    say("telemarketing.dialer", {what: "line", uuid, third: true, held: true});
    await frames();
    await contains(".o_tm_complete").click();
    expect(server.heard("control").at(-1).action).toBe("complete");
    await contains(".o_tm_drop_third").click();
    expect(server.heard("control").at(-1).action).toBe("drop_third");
    say("telemarketing.dialer", {what: "line", uuid, third: false, held: false});
    await frames();
    expect(".o_tm_transfer_box").toHaveCount(0);
});

test("a call that a colleague took leaves this desk, and the next one may come", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    server.held = false;
    server.state = "ready";
    const uuid = "pop-of-person-4";
    say("telemarketing.dialer", {what: "line", uuid, passed: "agent"});
    say("telemarketing.call", {uuid, state: "ended", cause: "transferred"});
    await frames();
    expect(phase("ready")).toHaveCount(1);
    expect(server.heard("get_next").length).toBe(1);
    expect(server.heard("close_and_get_next")).toEqual([]);
});

test("who waits for another campaign is not hung up by a result given here", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    await advanceTime(1600);
    const uuid = "pop-of-person-4";
    say("telemarketing.dialer", {what: "line", uuid, passed: "campaign"});
    await frames();
    await hit("1");
    expect(server.heard("close_and_get_next")).toEqual([]);
    // The person gave up: the result is to be given here after all.
    say("telemarketing.call", {uuid, state: "ended", cause: "16"});
    await frames();
    await hit("1");
    expect(server.heard("close_and_get_next").length).toBe(1);
});

test("left together with somebody outside, the agent gives the result", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    const uuid = "pop-of-person-4";
    say("telemarketing.dialer", {what: "line", uuid, passed: "third"});
    await frames();
    expect(phase("wrap_up")).toHaveCount(1);
});

test("three-way: the number joins, nobody is put on hold by the desk", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    await contains(".o_tm_pass").click();
    await frames();
    await contains(".o_tm_to_number").edit("961234567", {confirm: false});
    await contains(".o_tm_together").click();
    expect(server.heard("control").at(-1)).toMatchObject({
        action: "third",
        params: {number: "961234567"},
    });
});

test("payment data are not recorded: while the IBAN is written, and by Alt+G", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    expect(".o_tm_recording_on").toHaveCount(1);
    const iban = document.createElement("input");
    iban.className = "o_tm_iban";
    queryOne(".o_tm_desk").append(iban);
    iban.focus();
    await frames();
    expect(".o_tm_recording_paused").toHaveText(/Paused/);
    iban.blur();
    await frames();
    expect(".o_tm_recording_on").toHaveCount(1);
    const asked = () => server.heard("control").map(({params}) => params);
    expect(asked()).toEqual([{pause: true}, {pause: false}]);
    // What the agent paused does not go on with a field that is left.
    await hit(["alt", "g"]);
    iban.focus();
    iban.blur();
    await frames();
    expect(".o_tm_recording_paused").toHaveCount(1);
    expect(asked().at(-1)).toEqual({pause: true});
});

test("a recording that could not be paused is not shown as paused", async () => {
    const {server, say} = await openDesk();
    say("telemarketing.dialer", server.pop(4));
    await frames();
    server.on.control = () => {
        throw userError("The dialer does not run now.");
    };
    await hit(["alt", "g"]);
    expect(".o_tm_recording_on").toHaveCount(1);
    expect(".o_tm_call_line").toHaveText("The dialer does not run now.");
});

test("a lost telephone is said in red, and connected again from there", async () => {
    const {server, say} = await openDesk();
    expect(".o_tm_phone_text").toHaveText(/Telephone 201 connected/);
    server.phone = {...server.phone, state: "none", reason: "hung up"};
    say("telemarketing.dialer", {what: "phone", state: "none", reason: "hung up"});
    await frames();
    expect(".o_tm_phone_lost").toHaveText(/hung up/);
    server.phone = {...server.phone, state: "calling", reason: ""};
    await contains(".o_tm_reconnect").click();
    await frames();
    expect(server.heard("phone")[0]).toMatchObject({on: true});
    expect(".o_tm_phone_lost").toHaveCount(0);
    expect(".o_tm_phone_text").toHaveText(/rings: pick it up/);
    server.phone = {...server.phone, state: "up"};
    say("telemarketing.dialer", {what: "phone", state: "up", reason: ""});
    await frames();
    expect(".o_tm_phone_text").toHaveText(/connected/);
});

test("a seat without extension is asked for it", async () => {
    const {server} = await openDesk({
        phone: {
            state: "none",
            wanted: false,
            reason: "",
            extension: "",
            alive: true,
            own: false,
        },
    });
    await contains("#o_tm_extension").edit("203");
    await frames();
    expect(server.heard("phone")[0]).toMatchObject({on: true, extension: "203"});
});

test("by hand, nothing is dialled without a telephone; with one it rings and talks", async () => {
    const {server, say} = await openDesk({campaign: manual()});
    await hit("Enter");
    expect(phase("preview")).toHaveCount(1);
    say("telemarketing.dialer", {what: "phone", state: "none", reason: ""});
    await frames();
    expect(".o_tm_dial:enabled").toHaveCount(0);
    expect(".o_tm_call_line").toHaveText(/Your telephone is not connected/);
    expect(".o_tm_call_buttons .o_tm_phone_connect").toHaveCount(1);
    say("telemarketing.dialer", {what: "phone", state: "up", reason: ""});
    await frames();
    await contains(".o_tm_dial").click();
    await frames();
    expect(phase("dialling")).toHaveCount(1);
    const {uuid} = server.heard("dial")[0];
    say("telemarketing.call", {uuid, state: "talking"});
    await frames();
    expect(phase("talking")).toHaveCount(1);
    await hit(["alt", "c"]);
    expect(server.heard("control")[0]).toMatchObject({uuid, action: "hangup"});
    expect(phase("wrap_up")).toHaveCount(1);
});

test("an end that comes before the answer to the dial is not missed", async () => {
    const {server, say} = await openDesk({campaign: manual()});
    await hit("Enter");
    server.on.dial = (args) => {
        const answer = server.dial(args);
        say("telemarketing.call", {uuid: args.uuid, state: "ended", cause: "17"});
        return answer;
    };
    await contains(".o_tm_dial").click();
    await frames();
    expect(phase("wrap_up")).toHaveCount(1);
});

test("what Asterisk did not take stays on the desk and is tried as another call", async () => {
    const {server} = await openDesk({
        campaign: manual(),
        capabilities: ["dial", "hangup"],
        phone: {
            state: "none",
            wanted: true,
            reason: "",
            extension: "201",
            alive: false,
            own: true,
        },
    });
    expect(".o_tm_phone_text").toHaveText(/your telephone rings first/);
    await hit("Enter");
    server.on.dial = () => ({
        now: instant(),
        call: {...server.held},
        not_dialled: "Nothing was dialled: Asterisk cannot be reached.",
    });
    await contains(".o_tm_dial").click();
    await frames();
    expect(phase("preview")).toHaveCount(1);
    expect(".o_tm_call_line").toHaveText(/Asterisk cannot be reached/);
    server.on.dial = (args) => ({
        ...server.dial(args),
        telephony: {action: "click"},
    });
    await contains(".o_tm_dial").click();
    await frames();
    expect(phase("talking")).toHaveCount(1);
    const [first, second] = server.heard("dial");
    expect(first.uuid).not.toBe(second.uuid);
});
