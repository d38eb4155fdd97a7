import {
    DeskServer,
    instant,
    makeCall,
    makeCampaign,
    setupDeskTests,
    userError,
} from "./desk_helpers";
import {advanceTime, describe, expect, test, waitUntil} from "@odoo/hoot";
import {getService, makeMockEnv} from "@web/../tests/web_test_helpers";
import {DeskStorage} from "@telemarketing_base/desk/desk_storage";
import {DeskStore} from "@telemarketing_base/desk/desk_store";

describe.current.tags("headless");
const dialled = setupDeskTests();
const storage = () => new DeskStorage("test.7");
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function openStore({env = true} = {}) {
    if (env) {
        await makeMockEnv();
    }
    const store = new DeskStore({
        orm: getService("orm"),
        telephony: getService("telemarketing_telephony"),
        storage: storage(),
    });
    await store.open();
    return store;
}

/** The page is loaded again: another store over the same browser. */
async function reload(store) {
    store.destroy();
    return openStore({env: false});
}

async function talking(server) {
    const store = await openStore();
    await store.next();
    await store.dial();
    expect(store.phase).toBe("talking");
    expect(server.heard("dial")).toHaveLength(1);
    return store;
}

test("every phase from choosing to the next person", async () => {
    const server = new DeskServer().install();
    const store = await openStore();
    expect(store.phase).toBe("ready");
    await store.next();
    expect(store.phase).toBe("preview");
    expect(dialled).toEqual([]);
    await store.dial();
    expect(store.phase).toBe("talking");
    expect(dialled).toEqual(["tel:+34612345678"]);
    await advanceTime(5_000);
    store.tick();
    expect(store.callSeconds).toBeWithin(4, 6);
    await store.hangup();
    expect(store.phase).toBe("wrap_up");
    await advanceTime(9_000);
    store.tick();
    expect(store.callSeconds).toBeWithin(4, 6);
    await store.close(1);
    expect(store.phase).toBe("ready");
    const [sent] = server.heard("close_and_get_next");
    expect(sent.uuid).toMatch(UUID);
    expect(sent.uuid).toBe(server.heard("dial")[0].uuid);
    expect(sent.target_id).toBe(1);
    expect(sent.next).toBe(false);
    expect(Boolean(sent.payload.ended_at)).toBe(true);
    expect(sent.token).toBe(server.heard("open_desk")[0].token);
    store.destroy();
});

test("two clicks on a result send one", async () => {
    const server = new DeskServer().install();
    const store = await talking(server);
    await Promise.all([store.close(1), store.close(1), store.close(61)]);
    expect(server.heard("close_and_get_next")).toHaveLength(1);
    store.destroy();
});

test("two Enters ask for one person, two dials make one call", async () => {
    const server = new DeskServer().install();
    const store = await openStore();
    await Promise.all([store.next(), store.next()]);
    expect(server.heard("get_next")).toHaveLength(1);
    await Promise.all([store.dial(), store.dial()]);
    expect(server.heard("dial")).toHaveLength(1);
    expect(dialled).toHaveLength(1);
    store.destroy();
});

test("a second click does not fall on the person who has just come", async () => {
    const server = new DeskServer({
        campaign: makeCampaign({auto_next: true}),
    }).install();
    const store = await talking(server);
    await store.close(1);
    expect(store.call.target.id).toBe(2);
    expect(await store.close(1)).toBe(false);
    expect(server.heard("close_and_get_next")).toHaveLength(1);
    await advanceTime(1_000);
    await store.close(1);
    expect(server.heard("close_and_get_next").map((call) => call.target_id)).toEqual([
        1, 2,
    ]);
    store.destroy();
});

test("each person's attempt has a uuid of its own", async () => {
    const server = new DeskServer({
        campaign: makeCampaign({auto_next: true}),
    }).install();
    const store = await talking(server);
    await store.close(1);
    await advanceTime(1_000);
    await store.close(1);
    const [first, second] = server.heard("close_and_get_next");
    expect(first.uuid).not.toBe(second.uuid);
    store.destroy();
});

test("a result given offline is sent once when the network is back", async () => {
    const server = new DeskServer({
        campaign: makeCampaign({auto_next: true}),
    }).install();
    const store = await talking(server);
    const {uuid} = store.draft;
    store.setNotes("wants fibre");
    server.down = true;
    await store.close(1);
    expect(store.offline).toBe(true);
    expect(store.phase).toBe("kept");
    expect(storage().entries("outbox.")).toHaveLength(1);
    await advanceTime(60_000);
    expect(store.phase).toBe("kept");
    const tries = server.heard("close_and_get_next").length;

    server.down = false;
    await advanceTime(20_000);
    const sent = server.heard("close_and_get_next");
    expect(sent).toHaveLength(tries + 1);
    expect(sent.at(-1).uuid).toBe(uuid);
    expect(sent.at(-1).payload.notes).toBe("wants fibre");
    expect(store.offline).toBe(false);
    expect(store.kept).toHaveLength(0);
    expect(storage().entries("outbox.")).toHaveLength(0);
    expect(store.phase).toBe("preview");
    expect(store.call.target.id).toBe(2);
    await advanceTime(60_000);
    expect(server.heard("close_and_get_next")).toHaveLength(tries + 1);
    store.destroy();
});

test("an answer that was lost on its way is asked for again with the same uuid", async () => {
    const server = new DeskServer().install();
    const store = await talking(server);
    const {uuid} = store.draft;
    let lost = true;
    server.on.close_and_get_next = (args) => {
        const answer = server.close_and_get_next(args);
        const reply = lost ? new Response("", {status: 502}) : answer;
        lost = false;
        return reply;
    };
    await store.close(1);
    expect(store.phase).toBe("kept");
    await advanceTime(10_000);
    expect(server.heard("close_and_get_next").map((call) => call.uuid)).toEqual([
        uuid,
        uuid,
    ]);
    expect(server.closed).toEqual({[uuid]: 1});
    expect(store.phase).toBe("ready");
    store.destroy();
});

test("a network that swallows the request counts as lost", async () => {
    const server = new DeskServer().install();
    const store = await talking(server);
    server.on.close_and_get_next = () => new Promise(() => {});
    store.close(1);
    await advanceTime(25_000);
    expect(store.phase).toBe("kept");
    store.destroy();
});

test("a result kept before the page was closed is sent after it is opened", async () => {
    const server = new DeskServer().install();
    let store = await talking(server);
    const {uuid} = store.draft;
    server.down = true;
    await store.close(1);
    server.down = false;
    store = await reload(store);
    expect(server.heard("close_and_get_next").at(-1).uuid).toBe(uuid);
    expect(server.closed).toEqual({[uuid]: 1});
    expect(storage().entries("outbox.")).toHaveLength(0);
    expect(store.phase).toBe("ready");
    store.destroy();
});

test("a reload goes on with the same attempt, uuid and all that was typed", async () => {
    const server = new DeskServer().install();
    let store = await talking(server);
    const {uuid} = store.draft;
    store.setNotes("half a note");
    store.setQuantity(11, 2);
    await store.hangup();
    const endedAt = store.endedAt;
    store = await reload(store);
    expect(store.phase).toBe("wrap_up");
    expect(store.endedAt).toBe(endedAt);
    expect(store.draft.uuid).toBe(uuid);
    expect(store.draft.notes).toBe("half a note");
    await store.close(7);
    const [sent] = server.heard("close_and_get_next");
    expect(sent.uuid).toBe(uuid);
    expect(sent.payload.order).toEqual({lines: [{article_id: 11, quantity: 2}]});
    store.destroy();
});

test("a reload before dialling keeps the uuid too", async () => {
    new DeskServer().install();
    let store = await openStore();
    await store.next();
    const {uuid} = store.draft;
    store = await reload(store);
    expect(store.phase).toBe("preview");
    expect(store.draft.uuid).toBe(uuid);
    store.destroy();
});

test("an attempt that the server closed meanwhile is not resumed with its uuid", async () => {
    const server = new DeskServer().install();
    let store = await talking(server);
    const {uuid} = store.draft;
    store.setNotes("typed");
    server.held = makeCall(1);
    server.held.target.attempts = 1;
    store = await reload(store);
    expect(store.phase).toBe("preview");
    expect(store.draft.uuid).not.toBe(uuid);
    expect(store.draft.notes).toBe("typed");
    store.destroy();
});

test("what the server refuses stands beside the results and nothing is lost", async () => {
    const server = new DeskServer().install();
    const store = await talking(server);
    store.setNotes("note");
    server.on.close_and_get_next = () => {
        throw userError("Choose another result.");
    };
    await store.close(1);
    expect(store.errors.result).toBe("Choose another result.");
    expect(store.phase).toBe("wrap_up");
    expect(store.call.target.id).toBe(1);
    expect(store.draft.notes).toBe("note");
    expect(storage().entries("outbox.")).toHaveLength(0);
    delete server.on.close_and_get_next;
    await store.close(61);
    const sent = server.heard("close_and_get_next");
    expect(sent.map((call) => call.disposition_id)).toEqual([1, 61]);
    expect(sent[0].uuid).toBe(sent[1].uuid);
    expect(store.errors.result).toBe(undefined);
    store.destroy();
});

test("a kept result that is refused comes back to the desk with its draft", async () => {
    const server = new DeskServer().install();
    const store = await talking(server);
    store.setNotes("note");
    server.down = true;
    await store.close(1);
    server.down = false;
    server.on.close_and_get_next = () => {
        throw userError("Not this one.");
    };
    await advanceTime(20_000);
    await waitUntil(() => store.call);
    expect(store.errors.result).toBe("Not this one.");
    expect(store.call.target.id).toBe(1);
    expect(store.draft.notes).toBe("note");
    expect(server.heard("close_and_get_next")).toHaveLength(2);
    store.destroy();
});

test("only a leaf is sent", async () => {
    const server = new DeskServer().install();
    const store = await talking(server);
    expect(await store.close(6)).toBe(false);
    expect(server.heard("close_and_get_next")).toHaveLength(0);
    store.destroy();
});

test("a callback wants a date, a sale an order, before anything is sent", async () => {
    const server = new DeskServer().install();
    const store = await talking(server);
    await store.close(5);
    expect(store.pending.where).toBe("callback");
    await store.close(7);
    expect(store.pending.where).toBe("order");
    expect(store.tab).toBe("order");
    expect(server.heard("close_and_get_next")).toHaveLength(0);
    store.setCallback({at: instant(3600), mine: false});
    await store.close(5);
    const [sent] = server.heard("close_and_get_next");
    expect(sent.payload.callback.mine).toBe(false);
    expect(sent.payload.callback.at).toBe(instant(3600));
    store.destroy();
});

test("notes go to the server at most every ten seconds", async () => {
    const server = new DeskServer().install();
    const store = await talking(server);
    for (const text of ["a", "ab", "abc"]) {
        store.setNotes(text);
        await advanceTime(1_000);
    }
    expect(server.heard("save_notes")).toHaveLength(0);
    expect(storage().get("draft.1").notes).toBe("abc");
    await advanceTime(8_000);
    expect(server.heard("save_notes").map((call) => call.notes)).toEqual(["abc"]);
    expect(server.heard("save_notes")[0].uuid).toBe(store.draft.uuid);
    expect(store.notesState).toBe("saved");
    await advanceTime(30_000);
    expect(server.heard("save_notes")).toHaveLength(1);
    store.destroy();
});

test("a refused dial says why and opens no phone", async () => {
    const server = new DeskServer().install();
    const store = await openStore();
    await store.next();
    server.on.dial = () => ({
        refused: {answer: "never", reason: "On the Robinson list"},
    });
    await store.dial();
    expect(store.errors.call).toBe("On the Robinson list");
    expect(store.phase).toBe("preview");
    expect(store.canDial).toBe(false);
    expect(dialled).toEqual([]);
    store.destroy();
});

test("nobody is dialled without network", async () => {
    const server = new DeskServer().install();
    const store = await openStore();
    await store.next();
    server.down = true;
    store.networkLost();
    expect(await store.dial()).toBe(false);
    expect(server.heard("dial")).toHaveLength(0);
    store.destroy();
});

test("a pause asked for in a call begins after it", async () => {
    const server = new DeskServer({
        campaign: makeCampaign({auto_next: true}),
    }).install();
    const store = await talking(server);
    await store.pause(3);
    expect(server.heard("set_state")).toHaveLength(0);
    await store.close(1);
    expect(server.heard("close_and_get_next")[0].next).toBe(false);
    expect(server.heard("set_state")[0].reason_id).toBe(3);
    expect(store.phase).toBe("paused");
    store.destroy();
});

test("a lost seat keeps the result until the desk is taken over", async () => {
    const server = new DeskServer().install();
    const store = await talking(server);
    const {uuid} = store.draft;
    server.on.close_and_get_next = () => ({lost_seat: true});
    await store.close(1);
    expect(store.phase).toBe("other_seat");
    expect(storage().entries("outbox.")).toHaveLength(1);
    delete server.on.close_and_get_next;
    await store.takeOver();
    expect(server.closed).toEqual({[uuid]: 1});
    expect(store.phase).toBe("ready");
    store.destroy();
});

test("a heartbeat a minute", async () => {
    const server = new DeskServer().install();
    const store = await openStore();
    for (let second = 0; second < 125; second++) {
        await advanceTime(1_000);
        store.tick();
    }
    expect(server.heard("heartbeat")).toHaveLength(2);
    store.destroy();
});
