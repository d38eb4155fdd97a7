import {DeskServer, instant, makeCall, setupDeskTests, userError} from "./desk_helpers";
import {
    animationFrame,
    click,
    describe,
    expect,
    press,
    queryAllTexts,
    test,
} from "@odoo/hoot";
import {
    contains,
    mountWithCleanup,
    patchWithCleanup,
} from "@web/../tests/web_test_helpers";
import {DeskAction} from "@telemarketing_base/desk/desk_action";
import {ManualProvider} from "@telemarketing_base/telephony/manual_provider";

describe.current.tags("desktop");
setupDeskTests();

async function settle() {
    await animationFrame();
    await animationFrame();
}

async function openDesk(server) {
    server.install();
    await mountWithCleanup(DeskAction, {props: {action: {}}});
    await settle();
    return server;
}

const phone = (id, values = {}) => ({
    id,
    raw: `61234567${id % 10}`,
    display: `612 345 67${id % 10}`,
    e164: `+3461234567${id % 10}`,
    kind: "mobile",
    state: "ok",
    callable: true,
    reason: "",
    ...values,
});

const phonesAnswer = (phones, values = {}) => ({
    now: instant(),
    target_id: 1,
    phones,
    may_call: {answer: "allowed", until: false, reason: "", warnings: []},
    suggested_phone_id: phones[0].id,
    ...values,
});

const held = (values = {}) => makeCall(1, {phones: [phone(11), phone(12)], ...values});

const card = (values = {}) => ({
    target_id: 1,
    contact_id: 1,
    name: "Carmen",
    city: "València",
    phone_masked: "••• 678",
    campaign: "Fibre",
    last_result: "",
    why: "",
    receive: true,
    ...values,
});

test("a phone that the person gives is added and chosen in one request", async () => {
    const server = new DeskServer({held: held()});
    server.on.add_phone = () =>
        phonesAnswer([phone(11), phone(12), phone(13)], {
            phone_id: 13,
            notice: "Another person here has this number too.",
        });
    await openDesk(server);
    await click(".o_tm_edit_phones");
    await animationFrame();
    expect(".o_tm_add_phone input").toBeFocused();
    await contains(".o_tm_add_phone input").edit("612 345 673", {confirm: false});
    await press("Enter");
    await settle();
    expect(server.heard("add_phone")).toHaveLength(1);
    expect(server.heard("add_phone")[0].text).toBe("612 345 673");
    expect(".o_tm_phone.o_tm_chosen").toHaveAttribute("data-phone-id", "13");
    expect(".o_tm_phone_notice").toHaveCount(1);
});

test("what is no phone is told beside the field and stays written", async () => {
    const server = new DeskServer({held: held()});
    server.on.add_phone = () => {
        throw userError("That is not a telephone number.");
    };
    await openDesk(server);
    await click(".o_tm_edit_phones");
    await animationFrame();
    await contains(".o_tm_add_phone input").edit("hola", {confirm: false});
    await press("Enter");
    await settle();
    expect(".o_tm_phone_editor .o_tm_error").toHaveText(/not a telephone number/);
    expect(".o_tm_add_phone input").toHaveValue("hola");
});

test("phones change places by touch and by keys", async () => {
    const server = new DeskServer({held: held()});
    server.on.order_phones = ({phone_ids: ids}) =>
        phonesAnswer(ids.map((id) => phone(id)));
    await openDesk(server);
    await click(".o_tm_edit_phones");
    await animationFrame();
    await click(".o_tm_phone_line[data-phone-id='12'] .o_tm_phone_up");
    await settle();
    expect(server.heard("order_phones")[0].phone_ids).toEqual([12, 11]);
    await contains(".o_tm_phone[data-phone-id='12']").focus();
    await press(["alt", "ArrowDown"]);
    await settle();
    expect(server.heard("order_phones")[1].phone_ids).toEqual([11, 12]);
});

test("a bad phone is marked and put right again", async () => {
    const server = new DeskServer({held: held()});
    server.on.mark_phone = ({bad}) =>
        phonesAnswer(
            [phone(11, bad ? {state: "bad", callable: false} : {}), phone(12)],
            {
                suggested_phone_id: bad ? 12 : 11,
            }
        );
    await openDesk(server);
    await click(".o_tm_edit_phones");
    await animationFrame();
    const mark = ".o_tm_phone_line[data-phone-id='11'] .o_tm_phone_mark";
    await click(mark);
    await settle();
    expect(".o_tm_phone.o_tm_chosen").toHaveAttribute("data-phone-id", "12");
    expect(mark).toHaveText("It is theirs");
    await click(mark);
    await settle();
    expect(server.heard("mark_phone").map(({bad}) => bad)).toEqual([true, false]);
});

test("history shows everything in time, and older pages when asked", async () => {
    const item = (key, values) => ({
        key,
        at: instant(-60),
        title: key,
        text: "",
        who: "Ana",
        campaign: "",
        seconds: 0,
        ...values,
    });
    const server = new DeskServer({held: held()});
    server.on.timeline = ({before}) => ({
        now: instant(),
        target_id: 1,
        items: before
            ? [item("old", {kind: "call", action: "First call", is_call: true})]
            : [
                  item("S0001", {kind: "order"}),
                  item("Visit", {kind: "event"}),
                  item("Hello", {kind: "message", text: "Dear Carmen"}),
              ],
        next: before ? false : "mark",
    });
    await openDesk(server);
    expect(server.heard("timeline")).toHaveLength(0);
    await press(["alt", "h"]);
    await settle();
    expect(queryAllTexts(".o_tm_history_head strong")).toEqual([
        "S0001",
        "Visit",
        "Hello",
    ]);
    expect(".o_tm_history_sign.fa-shopping-cart").toHaveCount(1);
    await click(".o_tm_older");
    await settle();
    expect(server.heard("timeline")[1].before).toBe("mark");
    expect(".o_tm_history_line").toHaveCount(4);
    expect(".o_tm_older").toHaveCount(0);
});

test("what the person has with us is asked for when it is opened", async () => {
    const server = new DeskServer({held: held()});
    server.on.related = () => ({
        now: instant(),
        target_id: 1,
        leads: [],
        orders: [
            {
                id: 5,
                name: "S0005",
                state: "Quotation",
                amount: 30,
                currency: "€",
                date: instant(),
            },
        ],
        appointments: [],
        invoices: [],
    });
    await openDesk(server);
    expect(server.heard("related")).toHaveLength(0);
    await press(["alt", "w"]);
    await settle();
    expect(".o_tm_related [data-group=orders] li").toHaveText(/S0005/);
    expect(".o_tm_related section").toHaveCount(1);
});

test("all of the campaign are searched on demand, and who is busy says so", async () => {
    const server = new DeskServer();
    server.on.search_people = ({own}) => ({
        now: instant(),
        people: own ? [] : [card({why: "Carmen is on another agent's desk now."})],
    });
    await openDesk(server);
    await click(".o_tm_search_all");
    await contains(".o_tm_idle_search input").edit("carmen", {confirm: false});
    await press("Enter");
    await settle();
    expect(server.heard("search_people").map(({own}) => own)).toEqual([false]);
    // Where there is room for them: in the place of the callbacks.
    expect(".o_tm_found .o_tm_card").not.toBeEnabled();
    expect(".o_tm_card_why").toHaveText(/another agent/);
});

const incomingCall = (uuid) =>
    makeCall(1, {
        interaction: {uuid, state: "talking", phone_id: 11, started_at: instant()},
    });

test("a call that comes in is looked up by its number and taken", async () => {
    const server = new DeskServer();
    server.on.caller = ({number}) => ({
        now: instant(),
        number: {text: `+34${number}`, display: number},
        people: [card()],
        elsewhere: 0,
    });
    server.on.receive_call = ({uuid}) => {
        server.held = incomingCall(uuid);
        return {...server.common, call: server.held, empty: false};
    };
    await openDesk(server);
    await press(["alt", "i"]);
    await animationFrame();
    expect(".o_tm_caller input").toBeFocused();
    await contains(".o_tm_caller input").edit("612345678", {confirm: false});
    await press("Enter");
    await settle();
    expect(".o_tm_caller .o_tm_card").toBeFocused();
    await click(".o_tm_caller .o_tm_card");
    await settle();
    expect(".o_tm_desk[data-phase=talking]").toHaveCount(1);
    expect(".o_tm_caller").toHaveCount(0);
    const [heard] = server.heard("receive_call");
    expect(heard.number).toBe("+34612345678");
    await press("1");
    await settle();
    expect(server.heard("close_and_get_next")[0].uuid).toBe(heard.uuid);
});

test("the line that rings shows who it is without taking the focus", async () => {
    let provider = null;
    patchWithCleanup(ManualProvider.prototype, {
        onState(callback) {
            provider = this;
            return super.onState(callback);
        },
    });
    const server = new DeskServer({held: held()});
    server.on.caller = () => ({
        now: instant(),
        number: {text: "+34612345678", display: "612 345 678"},
        people: [card({target_id: 4, name: "Rosa"})],
        elsewhere: 0,
    });
    await openDesk(server);
    await contains(".o_tm_notes textarea").focus();
    provider._tell({state: "ringing", caller: "+34612345678"});
    await settle();
    expect(".o_tm_caller .o_tm_card").toHaveText(/Rosa/);
    expect(".o_tm_notes textarea").toBeFocused();
    expect(".o_tm_desk[data-phase=preview]").toHaveCount(1);
});

test("who is not known is written down with the call; alike are shown first", async () => {
    const server = new DeskServer();
    server.on.caller = () => ({
        now: instant(),
        number: {text: "+34655112233", display: "655 11 22 33"},
        people: [],
        elsewhere: 1,
    });
    server.on.contact_form = () => ({
        now: instant(),
        fields: [{name: "name", string: "Name", required: true}],
        bases: [{code: "request", name: "They asked for it", dated: true}],
    });
    server.on.new_contact = ({uuid, anyway}) => {
        if (!anyway) {
            return {now: instant(), duplicates: [card()], elsewhere: 0};
        }
        server.held = incomingCall(uuid);
        return {...server.common, call: server.held, empty: false, target_id: 1};
    };
    await openDesk(server);
    await press(["alt", "i"]);
    await animationFrame();
    await contains(".o_tm_caller input").edit("655112233", {confirm: false});
    await press("Enter");
    await settle();
    await click(".o_tm_caller_new");
    await settle();
    expect(".o_tm_new_contact [data-field=phone] input").toHaveValue("655 11 22 33");
    expect(".o_tm_new_contact [data-field=basis]").toHaveCount(0);
    await contains(".o_tm_new_contact [data-field=name] input").edit("Luis", {
        confirm: false,
    });
    await click(".o_tm_new_save");
    await settle();
    expect(".o_tm_alike .o_tm_card").toHaveText(/Carmen/);
    await click(".o_tm_new_save");
    await settle();
    const [first, second] = server.heard("new_contact");
    expect(first.values.incoming).toBe(true);
    expect(first.values.asked).toBe(false);
    expect(first.values.name).toBe("Luis");
    expect(second.anyway).toBe(true);
    expect(second.uuid).toBe(first.uuid);
    expect(".o_tm_desk[data-phase=talking]").toHaveCount(1);
});

test("somebody new without a call says why they may be called, or are not", async () => {
    const server = new DeskServer();
    server.on.contact_form = () => ({
        now: instant(),
        fields: [{name: "name", string: "Name", required: true}],
        bases: [{code: "request", name: "They asked for it", dated: true}],
    });
    server.on.new_contact = () => ({
        ...server.common,
        target_id: 9,
        not_opened: "Luis may not be called: no ground.",
    });
    await openDesk(server);
    await click(".o_tm_write_down");
    await settle();
    expect(".o_tm_new_contact form").toHaveCount(1);
    await contains("[data-field=phone] input").edit("655112233", {confirm: false});
    await contains("[data-field=name] input").edit("Luis", {confirm: false});
    await contains("[data-field=basis] select").select("request");
    await animationFrame();
    expect("[data-field=date] input").toHaveCount(1);
    await contains("[data-field=basis] select").select("");
    await click(".o_tm_new_save");
    await settle();
    expect(".o_tm_new_contact").toHaveCount(0);
    expect(".o_tm_idle .o_tm_error").toHaveText(/may not be called/);
});
