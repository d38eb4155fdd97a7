import {
    DeskServer,
    disposition,
    instant,
    makeCall,
    makeCampaign,
    setupDeskTests,
} from "./desk_helpers";
import {describe, expect, test} from "@odoo/hoot";
import {getService, makeMockEnv} from "@web/../tests/web_test_helpers";
import {DeskStorage} from "@telemarketing_base/desk/desk_storage";
import {DeskStore} from "@telemarketing_base/desk/desk_store";

describe.current.tags("headless");
setupDeskTests();

async function talking(campaign = {}) {
    const server = new DeskServer({campaign: makeCampaign(campaign)}).install();
    await makeMockEnv();
    const store = new DeskStore({
        orm: getService("orm"),
        telephony: getService("telemarketing_telephony"),
        storage: new DeskStorage("test.7"),
    });
    await store.open();
    await store.next();
    await store.dial();
    return {server, store};
}

const strange = () => ({
    dispositions: [
        disposition(1, "No answer", {
            known: false,
            effects: ["The same number is redialled after 2 h."],
        }),
    ],
});

test("the first time, what a result does is shown and nothing is recorded", async () => {
    const {server, store} = await talking({...strange(), preview_results: true});
    await store.close(1);
    expect(store.pending.text).toMatch(/redialled after 2 h/);
    expect(server.heard("close_and_get_next")).toHaveLength(0);
    await store.close(1);
    expect(server.heard("close_and_get_next")).toHaveLength(1);
    store.destroy();
});

test("a campaign that shows nothing records at once", async () => {
    const {server, store} = await talking({...strange(), preview_results: false});
    await store.close(1);
    expect(server.heard("close_and_get_next")).toHaveLength(1);
    store.destroy();
});

test("a slip of the hand is undone and the person is on the desk again", async () => {
    const {server, store} = await talking();
    server.on.close_and_get_next = ({uuid, target_id: targetId}) => ({
        ...server.common,
        closed: {
            uuid,
            target_id: targetId,
            state: "done",
            todo: [],
            undo_until: instant(20),
        },
        call: false,
        empty: false,
    });
    server.undo_close = ({uuid}) => ({
        ...server.common,
        call: makeCall(1, {
            interaction: {uuid, state: "wrap_up", started_at: instant(-60)},
        }),
        empty: false,
    });
    await store.close(1);
    expect(store.call).toBe(false);
    expect(store.canUndoClose).toBe(true);
    await store.undoClose();
    const [closed] = server.heard("close_and_get_next");
    expect(server.heard("undo_close")[0].uuid).toBe(closed.uuid);
    expect(store.draft.uuid).toBe(closed.uuid);
    expect(store.canUndoClose).toBe(false);
    store.destroy();
});

test("what cannot be undone offers no undo", async () => {
    const {store} = await talking();
    await store.close(1);
    expect(store.canUndoClose).toBe(false);
    store.destroy();
});
