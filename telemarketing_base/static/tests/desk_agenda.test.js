import {
    DeskServer,
    instant,
    makeCall,
    makeCampaign,
    setupDeskTests,
    userError,
} from "./desk_helpers";
import {
    advanceTime,
    animationFrame,
    click,
    describe,
    edit,
    expect,
    press,
    queryAllTexts,
    queryOne,
    test,
} from "@odoo/hoot";
import {
    contains,
    makeMockEnv,
    mockService,
    mountWithCleanup,
    onRpc,
} from "@web/../tests/web_test_helpers";
import {DeskAction} from "@telemarketing_base/desk/desk_action";
import {helpService} from "@telemarketing_base/desk/help/help_service";

describe.current.tags("desktop");
const dialled = setupDeskTests();

function callback(id, seconds, values = {}) {
    return {
        target_id: id,
        campaign_id: 1,
        name: `Person ${id}`,
        phone: "612 345 678",
        city: "València",
        database: "Spring",
        at: instant(seconds),
        agreed_at: instant(seconds),
        notice_minutes: 10,
        mine: true,
        due: seconds <= 0,
        note: "",
        last_result: "No answer",
        last_result_at: instant(-86400),
        operator: "Ana",
        first_contact_at: instant(-172800),
        ...values,
    };
}

function item(id, values = {}) {
    return {
        ...callback(id, 3600),
        kind: "callback",
        id,
        title: `Person ${id}`,
        until: false,
        campaign: "Fibre",
        phone_id: 11,
        phones: [
            {id: 11, text: "612 345 678"},
            {id: 12, text: "961 234 567"},
        ],
        editable: true,
        ...values,
    };
}

async function frames() {
    await animationFrame();
    await animationFrame();
}

async function openDesk(values = {}, callbacks = []) {
    const server = new DeskServer(values);
    Object.defineProperty(server, "common", {
        get: () => ({
            now: instant(),
            session: {
                id: 1,
                state: server.state,
                since: instant(),
                campaign_id: 1,
                help: server.help || false,
            },
            figures: {calls: 1, useful: 0, conversions: 0, average_seconds: 60},
            callbacks,
        }),
    });
    server.get_target = ({target_id: id}) => {
        server.held = makeCall(id);
        return {...server.common, call: server.held, empty: false};
    };
    server.items = [];
    server.agenda = () => ({now: instant(), items: server.items, more: false});
    const changed = () => ({now: instant(), callbacks});
    Object.assign(server, {
        add_agenda: changed,
        move_note: changed,
        move_callback: changed,
        remove_agenda: changed,
    });
    server.ask_help = ({text}) => {
        server.help = {asked_at: instant(), text, who: ""};
        return {now: instant(), session: server.common.session};
    };
    server.cancel_help = () => {
        server.help = false;
        return {now: instant(), session: server.common.session};
    };
    server.install();
    await mountWithCleanup(DeskAction, {props: {action: {}}});
    await frames();
    return server;
}

const names = () => queryAllTexts(".o_tm_callback_open");

test("the start page has the columns that an agent asks for, overdue first", async () => {
    await openDesk({}, [
        callback(1, 7200),
        callback(2, -600, {mine: false}),
        callback(3, 3600, {name: "Zoe"}),
    ]);
    expect(queryAllTexts(".o_tm_callbacks th")).toEqual([
        "Hour",
        "Person",
        "Phone",
        "Town",
        "Database",
        "Last result",
        "Operator",
        "First contact",
        "For",
    ]);
    expect(names()).toEqual(["Person 2", "Zoe", "Person 1"]);
    expect("tr.o_tm_callback_due").toHaveCount(1);
    await click("[data-sort=name]");
    await animationFrame();
    expect(names()).toEqual(["Person 1", "Person 2", "Zoe"]);
    await click("[data-sort=name]");
    await animationFrame();
    expect(names()).toEqual(["Zoe", "Person 2", "Person 1"]);
    await click("[data-whose=anyone]");
    await animationFrame();
    expect(names()).toEqual(["Person 2"]);
    await click("[data-whose=mine]");
    await animationFrame();
    expect(names()).toEqual(["Zoe", "Person 1"]);
});

test("one click shows the card in a manual campaign and calls in an automatic one", async () => {
    const server = await openDesk({}, [callback(1, 60)]);
    await click(".o_tm_callback_open");
    await frames();
    expect(".o_tm_desk[data-phase=preview]").toHaveCount(1);
    expect(server.heard("dial")).toHaveLength(0);
});

test("an automatic campaign dials the callback, once, unless the law says no", async () => {
    const campaign = makeCampaign({auto_next: true});
    const server = await openDesk({campaign}, [callback(1, 60), callback(2, 90)]);
    await click(".o_tm_callback_open:first");
    await frames();
    await frames();
    expect(server.heard("dial")).toHaveLength(1);
    expect(dialled).toHaveLength(1);
});

test("a callback that may not be called now is opened and not dialled", async () => {
    const campaign = makeCampaign({auto_next: true});
    const server = await openDesk({campaign}, [callback(1, 60)]);
    server.on.get_target = () => {
        server.held = makeCall(1, {may_call: {answer: "until", reason: "Too early"}});
        return {...server.common, call: server.held};
    };
    await click(".o_tm_callback_open");
    await frames();
    expect(".o_tm_desk[data-phase=preview]").toHaveCount(1);
    expect(server.heard("dial")).toHaveLength(0);
});

test("a notice comes before the hour also in a call, takes no focus and opens the agenda", async () => {
    const interaction = {
        uuid: "u-1",
        state: "talking",
        phone_id: 11,
        started_at: instant(),
    };
    const held = makeCall(1, {interaction});
    await openDesk({held}, [callback(5, 11 * 60), callback(6, 11 * 60, {mine: false})]);
    expect(".o_tm_notice .o_tm_soon").toHaveCount(0);
    const before = queryOne(".o_tm_figures").getBoundingClientRect().left;
    await contains(".o_tm_notes textarea").click();
    await advanceTime(90_000);
    await frames();
    expect(".o_tm_notice .o_tm_soon").toHaveCount(1);
    expect(".o_tm_notice [role=status]").toHaveText(/Person 5/);
    expect(document.activeElement).toBe(queryOne(".o_tm_notes textarea"));
    expect(queryOne(".o_tm_figures").getBoundingClientRect().left).toBe(before);
    await click(".o_tm_notice .o_tm_soon");
    await frames();
    expect(".o_tm_agenda").toHaveCount(1);
    expect(".o_tm_desk[data-phase=talking]").toHaveCount(1);
});

test("a notice put away stays away until the callback is moved", async () => {
    const list = [callback(5, 300)];
    const server = await openDesk({}, list);
    expect(".o_tm_notice .o_tm_soon").toHaveCount(1);
    await click(".o_tm_notice_dismiss");
    await frames();
    expect(".o_tm_notice .o_tm_soon").toHaveCount(0);
    expect(".o_tm_callbacks tbody tr").toHaveCount(1);
    list[0] = callback(5, 420);
    server.on.heartbeat = () => ({...server.common});
    await advanceTime(61_000);
    await frames();
    expect(".o_tm_notice .o_tm_soon").toHaveCount(1);
});

test("the agenda opens by its key, closes by Esc, and shows what is late first", async () => {
    const server = await openDesk();
    server.items = [
        item(1, {at: instant(-3 * 86400), due: true}),
        item(2, {
            kind: "event",
            title: "Meeting",
            target_id: false,
            editable: false,
        }),
    ];
    await press(["alt", "a"]);
    await frames();
    expect(queryAllTexts(".o_tm_agenda_list h3")[0]).toBe("Not made in time");
    expect(queryAllTexts(".o_tm_agenda_main strong")).toEqual(["Person 1", "Meeting"]);
    expect("[data-item=event-2] button").toHaveCount(0);
    await press("Escape");
    await frames();
    expect(".o_tm_agenda").toHaveCount(0);
});

test("a callback is worked from the agenda, moved with another phone, and removed by two clicks", async () => {
    const server = await openDesk();
    server.items = [item(4)];
    await press(["alt", "a"]);
    await frames();
    await click(".o_tm_agenda_edit");
    await frames();
    await contains(".o_tm_agenda_number").edit("600 111 222", {confirm: false});
    await contains(".o_tm_agenda_check input").click();
    await click(".o_tm_agenda_save");
    await frames();
    const [moved] = server.heard("move_callback");
    expect(moved.number).toBe("600 111 222");
    expect(moved.mine).toBe(false);
    expect(moved.target_id).toBe(4);
    expect(".o_tm_agenda_form").toHaveCount(0);
    await click(".o_tm_agenda_remove");
    await frames();
    expect(server.heard("remove_agenda")).toHaveLength(0);
    await click(".o_tm_agenda_remove");
    await frames();
    expect(server.heard("remove_agenda").map(({kind, id}) => [kind, id])).toEqual([
        ["callback", 4],
    ]);
    await click(".o_tm_agenda_work");
    await frames();
    expect(server.heard("get_target")[0].target_id).toBe(4);
    expect(".o_tm_agenda").toHaveCount(0);
});

test("a note is written in place; what is wrong is said beside it and nothing is lost", async () => {
    const server = await openDesk();
    server.on.add_agenda = () => {
        throw userError("The note is more than three years away.");
    };
    await press(["alt", "a"]);
    await frames();
    await click(".o_tm_agenda_new");
    await frames();
    await contains(".o_tm_agenda_what").edit("Dentist", {confirm: false});
    await click(".o_tm_agenda_save");
    await frames();
    expect(".o_tm_agenda .o_tm_error").toHaveText(/three years/);
    expect(".o_tm_agenda_what").toHaveValue("Dentist");
    server.on.add_agenda = null;
    await click(".o_tm_agenda_save");
    await frames();
    expect(server.heard("add_agenda")[1].values.title).toBe("Dentist");
    expect(".o_tm_agenda_form").toHaveCount(0);
});

test("a callback is agreed from the agenda with somebody who is found", async () => {
    const server = await openDesk();
    server.search_people = () => ({
        now: instant(),
        people: [
            {
                target_id: 77,
                name: "María Roca",
                city: "Elche",
                phone_masked: "··· ··· 678",
                why: "",
            },
        ],
    });
    await press(["alt", "a"]);
    await frames();
    await click(".o_tm_agenda_callback");
    await frames();
    await contains(".o_tm_agenda_what").edit("roca", {confirm: false});
    await click(".o_tm_agenda_find");
    await frames();
    expect(server.heard("add_agenda")).toHaveLength(0);
    await click("[data-target-id='77']");
    await frames();
    await contains(".o_tm_agenda_note").edit("Ask for Juan", {confirm: false});
    await click(".o_tm_agenda_save");
    await frames();
    const [{values}] = server.heard("add_agenda");
    expect([values.kind, values.target_id, values.mine, values.note]).toEqual([
        "callback",
        77,
        true,
        "Ask for Juan",
    ]);
    expect(".o_tm_agenda_form").toHaveCount(0);
});

test("another phone for the callback is typed where the phones are", async () => {
    const interaction = {
        uuid: "u-1",
        state: "talking",
        phone_id: 11,
        started_at: instant(),
    };
    const server = await openDesk({held: makeCall(1, {interaction})});
    await contains(".o_tm_callback_phone").select("other");
    await frames();
    await contains(".o_tm_callback_number").edit("600 111 222", {confirm: "blur"});
    await click("[data-quick=morning]");
    await frames();
    await press(["alt", "5"]);
    await frames();
    const [sent] = server.heard("close_and_get_next");
    expect(sent.payload.callback.number).toBe("600 111 222");
});

test("the hand goes up by key, says who comes, and goes down", async () => {
    const server = await openDesk();
    await press(["alt", "v"]);
    await advanceTime(1);
    await frames();
    expect(document.activeElement).toBe(queryOne(".o_tm_flag_text"));
    await edit("Angry client");
    await press("Enter");
    await frames();
    expect(server.heard("ask_help")[0].text).toBe("Angry client");
    expect(".o_tm_flag_up").toHaveCount(1);
    expect(".o_tm_flag [role=status]").toHaveText("Your supervisor has been told");
    server.help.who = "Rosa";
    await advanceTime(61_000);
    await frames();
    expect(".o_tm_flag [role=status]").toHaveText("Rosa is coming");
    await click(".o_tm_flag_button");
    await frames();
    await click(".o_tm_flag_cancel");
    await frames();
    expect(".o_tm_flag_up").toHaveCount(0);
});

test("a supervisor is told on any screen and answers from there", async () => {
    const listeners = {};
    const shown = [];
    mockService("bus_service", {
        subscribe: (kind, listener) => (listeners[kind] = listener),
        unsubscribe: () => {},
        start: () => {},
        addEventListener: () => {},
        removeEventListener: () => {},
    });
    const notification = {
        add(message, options) {
            const one = {message, options, closed: false};
            shown.push(one);
            return () => (one.closed = true);
        },
    };
    onRpc("telemarketing.agent.session", "action_help_coming", ({args}) => {
        expect.step(`coming ${args[0]}`);
        return {coming: "Rosa", mine: true};
    });
    const {services} = await makeMockEnv();
    helpService.start(
        {},
        {
            action: services.action,
            bus_service: services.bus_service,
            notification,
            orm: services.orm,
        }
    );
    const told = {session_id: 3, agent: "Ana", campaign: "Fibre", text: "Angry"};
    listeners.telemarketing_help({what: "asked", ...told});
    expect(shown[0].message).toBe("Fibre · Angry");
    expect(shown[0].options.sticky).toBe(true);
    await shown[0].options.buttons[0].onClick();
    expect.verifySteps(["coming 3"]);
    expect(shown[0].closed).toBe(true);
    listeners.telemarketing_help({what: "asked", ...told});
    listeners.telemarketing_help({what: "over", ...told});
    expect(shown[1].closed).toBe(true);
});
