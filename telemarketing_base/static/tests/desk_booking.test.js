import {
    DeskServer,
    disposition,
    instant,
    makeCall,
    makeCampaign,
    setupDeskTests,
    userError,
} from "./desk_helpers";
import {
    animationFrame,
    click,
    describe,
    expect,
    press,
    queryAllTexts,
    queryAllValues,
    queryOne,
    test,
} from "@odoo/hoot";
import {contains, mountWithCleanup} from "@web/../tests/web_test_helpers";
import {DeskAction} from "@telemarketing_base/desk/desk_action";

describe.current.tags("desktop");
setupDeskTests();
const {DateTime} = luxon;

const TOMORROW = DateTime.utc().plus({days: 1}).startOf("day");
const at = (hour, day = TOMORROW) => day.set({hour}).toFormat("yyyy-MM-dd HH:mm:ss");
const APPOINTMENTS = {
    minutes: 60,
    kind: "visit",
    kinds: [
        {id: "visit", name: "Visit"},
        {id: "call", name: "Call"},
    ],
};

function offer(values = {}) {
    return {
        now: instant(),
        day: TOMORROW.toISODate(),
        first_day: DateTime.utc().toISODate(),
        last_day: DateTime.utc().plus({days: 60}).toISODate(),
        next_day: false,
        tz: "UTC",
        people: [
            {
                id: 21,
                name: "Carlos",
                slots: [at(9), at(10)],
                busy: [[at(11), at(12)]],
                zone: true,
            },
            {id: 22, name: "Nerea", slots: [at(10), at(16)], busy: [], zone: true},
            {id: 23, name: "Pau", slots: [], busy: [], zone: false},
        ],
        ...values,
    };
}

async function settle() {
    for (let frame = 0; frame < 4; frame++) {
        await animationFrame();
    }
}

async function openTalking(values = {}) {
    const contact = {
        id: 1,
        name: "Person 1",
        street: "C/ Colón 3",
        zip: "46002",
        city: "València",
        extra: [],
        tz: "UTC",
    };
    const interaction = {
        uuid: "u-1",
        state: "talking",
        phone_id: 11,
        started_at: instant(),
    };
    const campaign = makeCampaign({
        appointments: APPOINTMENTS,
        dispositions: [
            disposition(1, "No answer", {key: "1"}),
            disposition(8, "Appointment", {key: "8", needs_appointment: true}),
        ],
    });
    const held = makeCall(1, {interaction, contact});
    const server = new DeskServer({held, campaign, ...values});
    server.on.slots = server.on.slots || (() => offer());
    server.install();
    await mountWithCleanup(DeskAction, {props: {action: {}}});
    await settle();
    return server;
}

async function keys(...list) {
    for (const key of list) {
        await press(key);
        await settle();
    }
}

const closes = (server) => server.heard("close_and_get_next");

test("a result that books opens the slots in place, and goes with the one chosen", async () => {
    const server = await openTalking();
    await keys("8");
    expect(closes(server)).toEqual([]);
    expect(".modal").toHaveCount(0);
    expect(".o_tm_tab.active").toHaveAttribute("data-tab", "appointment");
    expect(".o_tm_tab_body .o_tm_wanted_text").toHaveText(/choose a slot/);
    expect(queryAllTexts(".o_tm_visitor_name")).toEqual(["Carlos", "Nerea", "Pau"]);
    expect(queryAllTexts("[data-user-id='21'] .o_tm_slot")).toEqual(["09:00", "10:00"]);
    expect("[data-user-id='21']").toHaveText(/Taken: 11:00–12:00/);
    expect("[data-user-id='23']").toHaveText(/Does not visit this zone/);
    await click("[data-user-id='22'] .o_tm_slot:first");
    await settle();
    expect(".o_tm_booking_chosen").toHaveText(/Nerea, .*10:00/);
    expect(".o_tm_taken").toHaveText(/Nerea, .*10:00/);
    await keys("8");
    expect(closes(server)[0].payload.appointment).toEqual({
        user_id: 22,
        start: at(10),
        minutes: 60,
        kind: "visit",
        place: "C/ Colón 3, 46002 València",
        note: "",
    });
});

test("the whole booking by keyboard: J, arrows, days, Enter, the result", async () => {
    const server = await openTalking();
    await keys(["alt", "j"]);
    expect("[data-user-id='21'] .o_tm_slot:first").toBeFocused();
    await keys("ArrowDown", "ArrowRight");
    expect("[data-user-id='22'] .o_tm_slot:last").toBeFocused();
    await keys("ArrowUp");
    expect("[data-user-id='22'] .o_tm_slot:first").toBeFocused();
    await keys("PageDown");
    const asked = server.heard("slots");
    expect(asked.at(-1).day > asked.at(-2).day).toBe(true);
    await keys("PageUp");
    await keys("Enter");
    expect(".o_tm_slot.o_tm_chosen").toHaveCount(1);
    await keys("8");
    expect(closes(server)).toHaveLength(1);
});

test("another result with a slot chosen records nothing by mistake", async () => {
    const server = await openTalking();
    await keys(["alt", "j"]);
    await click(".o_tm_slot:first");
    await settle();
    await keys("1");
    expect(closes(server)).toEqual([]);
    expect(".o_tm_tab_body .o_tm_wanted_text").toHaveText(/take the slot off/);
    await click(".o_tm_booking_clear");
    await settle();
    await keys("1");
    expect(closes(server)[0].payload.appointment).toBe(undefined);
});

test("kind, length, place and note are asked for and sent as they are chosen", async () => {
    const server = await openTalking();
    await keys(["alt", "j"]);
    expect(queryAllValues(".o_tm_booking_place")).toEqual([
        "C/ Colón 3, 46002 València",
    ]);
    await contains(".o_tm_booking_place").edit("Plaza 1, 46900 Torrent");
    await contains(".o_tm_booking_note").edit("Third floor");
    await contains(".o_tm_booking_minutes").select("90");
    await settle();
    expect(server.heard("slots").at(-1)).toMatchObject({
        kind: "visit",
        minutes: 90,
        place: "Plaza 1, 46900 Torrent",
    });
    await click("[data-kind=call]");
    await settle();
    expect(server.heard("slots").at(-1).kind).toBe("call");
    expect(".o_tm_booking_place").toHaveCount(0);
    await click(".o_tm_slot:first");
    await settle();
    await keys("8");
    expect(closes(server)[0].payload.appointment).toMatchObject({
        kind: "call",
        minutes: 90,
        note: "Third floor",
    });
});

test("a slot that another agent took is said in place and the others are shown", async () => {
    const server = await openTalking();
    await keys(["alt", "j"]);
    await click("[data-user-id='21'] .o_tm_slot:first");
    await settle();
    server.on.close_and_get_next = () => {
        throw userError("Carlos is not free on Wednesday any more.");
    };
    server.on.slots = () => {
        const left = offer();
        left.people[0].slots = [at(10)];
        return left;
    };
    await keys("8");
    expect(".o_tm_results .o_tm_error").toHaveText(/not free on Wednesday/);
    expect(".o_tm_booking .o_tm_error").toHaveText(/Carlos is not free at 09:00/);
    expect("[data-user-id='21'] .o_tm_slot").toHaveCount(1);
    expect(".o_tm_taken").toHaveCount(0);
    delete server.on.close_and_get_next;
    await click("[data-user-id='21'] .o_tm_slot");
    await settle();
    await keys("8");
    expect(closes(server).at(-1).payload.appointment.start).toBe(at(10));
});

test("a half-made booking survives a reload", async () => {
    const server = await openTalking();
    await keys(["alt", "j"]);
    await contains(".o_tm_booking_note").edit("Third floor");
    await click("[data-user-id='22'] .o_tm_slot:last");
    await settle();
    await mountWithCleanup(DeskAction, {props: {action: {}}});
    await settle();
    expect(server.heard("open_desk")).toHaveLength(2);
    expect(".o_tm_taken:last").toHaveText(/Nerea, .*16:00/);
});

test("a day without a free hour gives way to the first that has one", async () => {
    const server = await openTalking({
        on: {
            slots({day}) {
                const free = TOMORROW.plus({days: 2}).toISODate();
                return day === free
                    ? offer({day: free})
                    : offer({
                          day,
                          next_day: free,
                          people: [
                              {id: 21, name: "Carlos", slots: [], busy: [], zone: true},
                          ],
                      });
            },
        },
    });
    await keys(["alt", "j"]);
    await settle();
    expect(server.heard("slots")).toHaveLength(2);
    expect(".o_tm_slot").toHaveCount(4);
    await click(".o_tm_day_before");
    await settle();
    expect("[data-user-id='21']").toHaveText(/No free hour this day/);
    await click(".o_tm_next_day");
    await settle();
    expect(".o_tm_slot").toHaveCount(4);
});

test("who cannot be asked now is said beside the slots, with another try", async () => {
    const server = await openTalking();
    server.on.slots = () => {
        throw userError("This person is no longer on your desk.");
    };
    await keys(["alt", "j"]);
    expect(".o_tm_booking .o_tm_error").toHaveText(/no longer on your desk/);
    expect(server.heard("slots")).toHaveLength(1);
    server.on.slots = () => offer();
    await click(".o_tm_booking .o_tm_error button");
    await settle();
    expect(".o_tm_booking .o_tm_error").toHaveCount(0);
    expect(".o_tm_slot").toHaveCount(4);
});

test("slots are targets of 44 px and stand beside each other", async () => {
    await openTalking();
    await keys(["alt", "j"]);
    const slot = queryOne(".o_tm_slot:first");
    expect(slot.getBoundingClientRect().height >= 44).toBe(true);
    const [one, other] = ["21", "22"].map((id) =>
        queryOne(`[data-user-id='${id}']`).getBoundingClientRect()
    );
    expect(one.right <= other.left).toBe(true);
    expect(Math.round(one.top)).toBe(Math.round(other.top));
});

test("a campaign that books nobody has no page for it", async () => {
    await openTalking({campaign: makeCampaign({appointments: false})});
    expect("[data-tab=appointment]").toHaveCount(0);
});
