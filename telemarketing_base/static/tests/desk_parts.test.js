import {
    DeskServer,
    disposition,
    instant,
    makeCall,
    makeCampaign,
    makeConsent,
    setupDeskTests,
    userError,
} from "./desk_helpers";
import {
    advanceTime,
    animationFrame,
    click,
    describe,
    expect,
    keyDown,
    press,
    queryAllTexts,
    queryOne,
    test,
} from "@odoo/hoot";
import {contains, mountWithCleanup} from "@web/../tests/web_test_helpers";
import {DeskAction} from "@telemarketing_base/desk/desk_action";
import {placeByKey} from "@telemarketing_base/desk/disposition_bar/disposition_bar";
import {quickMoments} from "@telemarketing_base/desk/callback_picker/callback_picker";
import {fillPlaceholders} from "@telemarketing_base/desk/script_pane/script_pane";
import {timerLevel} from "@telemarketing_base/desk/desk_format";

describe.current.tags("desktop");
const dialled = setupDeskTests();
const {DateTime} = luxon;

async function openDesk(server) {
    server.install();
    await mountWithCleanup(DeskAction, {props: {action: {}}});
    await animationFrame();
    await animationFrame();
}

async function openTalking(values = {}, call = {}) {
    const interaction = {
        uuid: "u-1",
        state: "talking",
        phone_id: 11,
        started_at: instant(),
    };
    const held = makeCall(1, {interaction, ...call});
    const server = new DeskServer({held, ...values});
    await openDesk(server);
    expect(".o_tm_desk[data-phase=talking]").toHaveCount(1);
    return server;
}

async function keys(...list) {
    for (const key of list) {
        await press(key);
        await animationFrame();
    }
}

const closes = (server) =>
    server.heard("close_and_get_next").map((call) => call.disposition_id);

test("results stand on their own keys and fill the free ones in order", () => {
    const {places, left} = placeByKey([
        disposition(1, "A"),
        disposition(2, "B", {key: "1"}),
        disposition(3, "C", {key: "9"}),
        disposition(4, "D", {key: "9"}),
        ...[5, 6, 7, 8, 9, 10].map((id) => disposition(id, `x${id}`)),
    ]);
    expect(places.map((place) => place.id)).toEqual([2, 1, 4, 5, 6, 7, 8, 9, 3]);
    expect(left.map((each) => each.id)).toEqual([10]);
});

test("a digit records a leaf, once, however long the key is held", async () => {
    const server = await openTalking();
    await keyDown("1");
    await keyDown("1");
    await keyDown("1");
    await animationFrame();
    expect(closes(server)).toEqual([1]);
});

test("levels unfold in the same row; 0 and Esc go back; a leaf is recorded", async () => {
    const server = await openTalking();
    await keys("6");
    expect(closes(server)).toEqual([]);
    expect(queryAllTexts(".o_tm_result_name")).toEqual(["Price", "Permanence"]);
    expect(".modal").toHaveCount(0);
    await keys("2");
    expect(queryAllTexts(".o_tm_result_name")).toEqual(["Until summer"]);
    await keys("0");
    expect(queryAllTexts(".o_tm_result_name")).toEqual(["Price", "Permanence"]);
    await keys("Escape");
    expect("[data-disposition-id='1']").toHaveCount(1);
    await keys("6", "2", "1");
    expect(closes(server)).toEqual([621]);
});

test("in a text field a digit is written, and Alt with it classifies", async () => {
    const server = await openTalking();
    await contains(".o_tm_notes textarea").edit("call 1", {confirm: false});
    await keys("1");
    expect(closes(server)).toEqual([]);
    await keys(["alt", "1"]);
    expect(closes(server)).toEqual([1]);
    expect(server.heard("close_and_get_next")[0].payload.notes).toMatch(/^call 1/);
});

test("AltGr writes @ and # and classifies nothing", async () => {
    const server = await openTalking();
    await keys(["control", "alt", "1"]);
    expect(closes(server)).toEqual([]);
});

test("a double click records one result", async () => {
    const server = await openTalking({campaign: makeCampaign({auto_next: true})});
    const button = queryOne("[data-disposition-code=no_answer]");
    await Promise.all([click(button), click(button)]);
    await animationFrame();
    await click("[data-disposition-code=no_answer]");
    await animationFrame();
    expect(closes(server)).toEqual([1]);
});

test("more than nine results are found by writing", async () => {
    const many = Array.from({length: 14}, (_, index) =>
        disposition(index + 1, `Result ${String.fromCharCode(65 + index)}`)
    );
    many.push(disposition(99, "Teléfono erróneo"));
    const server = await openTalking({campaign: makeCampaign({dispositions: many})});
    expect(".o_tm_result[data-key]").toHaveCount(9);
    expect(".o_tm_results_line").toHaveText(/6 more/);
    await contains(".o_tm_results_search").edit("d1", {confirm: false});
    expect(".o_tm_result_name").toHaveCount(0);
    expect(".o_tm_results_line").toHaveText(/No result is called “d1”.*Alt/);
    await contains(".o_tm_results_search").edit("erroneo", {confirm: false});
    expect(queryAllTexts(".o_tm_result_name")).toEqual(["Teléfono erróneo"]);
    await keys("Enter");
    expect(closes(server)).toEqual([99]);
});

test("a result that begins with what is typed comes first, its own name in front", async () => {
    const server = await openTalking({
        campaign: makeCampaign({
            dispositions: [
                disposition(1, "Not interested", {leaf: false}),
                disposition(2, "Price", {parent_id: 1, level: 2}),
                disposition(3, "Interested: send information"),
            ],
        }),
    });
    await contains(".o_tm_results_search").edit("int", {confirm: false});
    expect(queryAllTexts(".o_tm_result_name")).toEqual([
        "Interested: send information",
        "Price ◂ Not interested",
    ]);
    await keys("Enter");
    expect(closes(server)).toEqual([3]);
});

test("a callback without a date lights the picker in place; Enter then records it", async () => {
    const server = await openTalking();
    await keys("5");
    expect(closes(server)).toEqual([]);
    expect(".modal").toHaveCount(0);
    expect(".o_tm_callback.o_tm_wanted").toHaveCount(1);
    expect(".o_tm_callback .o_tm_wanted_text").toHaveText(/wants a day and an hour/);
    await click("[data-quick=hour]");
    await animationFrame();
    await click("[data-mine='0']");
    await animationFrame();
    await keys("5");
    const [sent] = server.heard("close_and_get_next");
    expect(sent.disposition_id).toBe(5);
    expect(sent.payload.callback.mine).toBe(false);
    const at = DateTime.fromSQL(sent.payload.callback.at, {zone: "utc"});
    expect(at.diffNow("minutes").minutes).toBeWithin(58, 61);
});

test("a custom moment in the past is refused beside the field", async () => {
    await openTalking();
    const field = queryOne(".o_tm_callback_at");
    field.value = "2001-01-01T10:00";
    field.dispatchEvent(new Event("change"));
    await animationFrame();
    expect(".o_tm_callback .o_tm_error").toHaveCount(1);
});

test("quick moments are those of the person called, and never a Sunday", () => {
    // Saturday 14 November 2026, 12:00 in Madrid, 11:00 in the Canary Islands
    const now = DateTime.fromISO("2026-11-14T11:00:00Z").toMillis();
    const madrid = quickMoments(now, "Europe/Madrid");
    const canary = quickMoments(now, "Atlantic/Canary");
    expect(madrid.hour.toUTC().toISO()).toBe("2026-11-14T12:00:00.000Z");
    expect(madrid.afternoon.toUTC().toISO()).toBe("2026-11-14T16:00:00.000Z");
    expect(canary.afternoon.toUTC().toISO()).toBe("2026-11-14T17:00:00.000Z");
    expect(madrid.morning.toUTC().toISO()).toBe("2026-11-16T09:00:00.000Z");
    const night = DateTime.fromISO("2026-11-14T20:00:00Z").toMillis();
    expect(quickMoments(night, "Europe/Madrid").afternoon).toBe(null);
});

test("a callback at night is kept only if the person asked for that hour", async () => {
    const tomorrow = DateTime.now().setZone("Europe/Madrid").plus({days: 1});
    const calling = {opens: "09:00", closes: "20:59", days: [tomorrow.toISODate()]};
    const contact = {id: 1, name: "Person 1", city: "", extra: [], tz: "Europe/Madrid"};
    const server = await openTalking({}, {contact, calling});
    expect(".o_tm_callback_asked").toHaveCount(0);
    const field = queryOne(".o_tm_callback_at");
    field.value = tomorrow.toFormat("yyyy-MM-dd'T'22:00");
    field.dispatchEvent(new Event("change"));
    await animationFrame();
    await keys("5");
    expect(closes(server)).toEqual([]);
    expect(".o_tm_callback .o_tm_wanted_text").toHaveText(/Did the person ask/);
    await click(".o_tm_callback_asked input");
    await animationFrame();
    await keys("5");
    const [sent] = server.heard("close_and_get_next");
    expect(sent.payload.callback.asked).toBe(true);
});

test("moments one click away keep to calling days and hours", () => {
    // Friday 4 December 2026, 19:30 in Madrid; Tuesday 8 is a holiday
    const now = DateTime.fromISO("2026-12-04T18:30:00Z").toMillis();
    const days = ["2026-12-04", "2026-12-09", "2026-12-10"];
    const calling = {opens: "09:00", closes: "20:59", days};
    const moments = quickMoments(now, "Europe/Madrid", calling);
    expect(moments.hour.toFormat("HH:mm")).toBe("20:30");
    expect(moments.morning.toISODate()).toBe("2026-12-09");
    const late = quickMoments(now + 3600_000, "Europe/Madrid", calling);
    expect(late.hour).toBe(null);
});

test("the timer turns amber at the average and red at 130 %, with a sign", async () => {
    expect(timerLevel(99, 100)).toBe("calm");
    expect(timerLevel(100, 100)).toBe("amber");
    expect(timerLevel(129, 100)).toBe("amber");
    expect(timerLevel(130, 100)).toBe("red");
    expect(timerLevel(500, 0)).toBe("calm");

    await openTalking();
    expect(".o_tm_timer[data-level=calm]").toHaveCount(1);
    expect(".o_tm_timer_level .fa").toHaveCount(0);
    await advanceTime(102_000);
    await animationFrame();
    expect(".o_tm_timer[data-level=amber] .fa-exclamation-circle").toHaveCount(1);
    expect(".o_tm_state.o_tm_level_amber").toHaveCount(1);
    await advanceTime(30_000);
    await animationFrame();
    expect(".o_tm_timer[data-level=red] .fa-exclamation-triangle").toHaveCount(1);
    expect(".o_tm_state.o_tm_level_red").toHaveCount(1);
});

test("a sale without an order opens the order in place", async () => {
    const server = await openTalking();
    await keys("7");
    expect(".o_tm_tab.active").toHaveAttribute("data-tab", "order");
    expect(".o_tm_tab_body .o_tm_wanted_text").toHaveCount(1);
    await click("[data-article-id='11'] .o_tm_more");
    await animationFrame();
    await keys("7");
    expect(server.heard("close_and_get_next")[0].payload.order).toEqual({
        lines: [{article_id: 11, quantity: 1}],
    });
});

test("from ready to talking with the keyboard alone", async () => {
    const server = new DeskServer();
    await openDesk(server);
    expect(".o_tm_desk[data-phase=ready]").toHaveCount(1);
    await keys("Enter");
    await animationFrame();
    expect(".o_tm_desk[data-phase=preview]").toHaveCount(1);
    await keys(["alt", "d"]);
    expect(".o_tm_desk[data-phase=talking]").toHaveCount(1);
    expect(dialled).toEqual(["tel:+34612345678"]);
    await keys(["alt", "c"]);
    expect(".o_tm_desk[data-phase=wrap_up]").toHaveCount(1);
    await keys("1");
    await animationFrame();
    expect(closes(server)).toEqual([1]);
    expect(".o_tm_desk[data-phase=ready]").toHaveCount(1);
});

test("pause by keyboard, with its reason, and back", async () => {
    const server = new DeskServer();
    await openDesk(server);
    await keys(["alt", "p"], "1");
    await animationFrame();
    expect(server.heard("set_state")[0]).toMatchObject({state: "paused", reason_id: 3});
    expect(".o_tm_desk[data-phase=paused]").toHaveCount(1);
    await keys(["alt", "p"]);
    await animationFrame();
    expect(".o_tm_desk[data-phase=ready]").toHaveCount(1);
});

test("a no is recorded by one key, at once, and its number stands large", async () => {
    const server = await openTalking();
    await contains(".o_tm_notes textarea").edit("no quiere", {confirm: false});
    await keys(["alt", "x"]);
    await keys(["alt", "x"]);
    expect(server.heard("object")).toHaveLength(1);
    expect(server.heard("object")[0]).toMatchObject({
        uuid: "u-1",
        target_id: 1,
        scope: "all",
    });
    expect(".o_tm_objection_reference").toHaveText("EX2026-000123");
    expect(".o_tm_object").not.toBeEnabled();
    // The call stays open until its result is given; nothing was closed by the key.
    expect(closes(server)).toEqual([]);
    expect(".o_tm_may[data-answer=never]").toHaveCount(1);
    expect("[data-key='9'].o_tm_wanted").toHaveCount(1);
    await keys("Escape", "Enter");
    await animationFrame();
    expect(closes(server)).toEqual([9]);
});

test("a slip of the key is taken back for ten seconds, not longer", async () => {
    const server = await openTalking();
    await keys(["alt", "x"]);
    expect(".o_tm_take_back").toHaveText(/undo/);
    await click(".o_tm_take_back");
    await animationFrame();
    expect(server.heard("take_back_objection")[0]).toMatchObject({
        target_id: 1,
        reference: "EX2026-000123",
    });
    expect(".o_tm_objection").toHaveCount(0);
    expect(".o_tm_may[data-answer=allowed]").toHaveCount(1);
    expect(".o_tm_wanted").toHaveCount(0);
    await keys(["alt", "x"]);
    await advanceTime(11_000);
    await animationFrame();
    expect(".o_tm_objection_reference").toHaveCount(1);
    expect(".o_tm_take_back").toHaveCount(0);
});

test("who said no before the dial is not dialled", async () => {
    const server = new DeskServer();
    await openDesk(server);
    await keys("Enter");
    await animationFrame();
    await keys(["alt", "x"], ["alt", "d"]);
    expect(server.heard("object")[0].uuid).toBe(false);
    expect(server.heard("dial")).toEqual([]);
    expect(dialled).toEqual([]);
});

test("without network a no becomes a result that is kept and sent", async () => {
    const server = await openTalking();
    server.down = true;
    await keys(["alt", "x"]);
    await animationFrame();
    expect(".o_tm_desk[data-offline='1']").toHaveCount(1);
    await keys(["alt", "x"]);
    expect(".o_tm_call_line").toHaveText(/record it as a result/);
    await keys("Enter");
    expect(".o_tm_desk[data-phase=kept]").toHaveCount(1);
});

test("only the buttons that the telephony can serve exist", async () => {
    await openTalking();
    expect(".o_tm_dial").toHaveCount(1);
    expect(".o_tm_hangup").toHaveCount(1);
    expect(".o_tm_hold").toHaveCount(0);
    expect(".o_tm_transfer").toHaveCount(0);
    expect(".o_tm_record").toHaveCount(0);
});

test("a name or a value of the person is never taken as html", async () => {
    const evil = "<img src=x onerror=alert(1)>";
    const interaction = {
        uuid: "u",
        state: "talking",
        phone_id: 11,
        started_at: instant(),
    };
    const held = makeCall(1, {
        interaction,
        script_values: {nombre: evil},
    });
    held.contact.name = evil;
    const campaign = makeCampaign({
        scripts: [
            {
                id: 1,
                version_id: 1,
                name: "s",
                html: "<p>Hola {nombre} y {otro}</p>",
                confirm_lines: [],
            },
        ],
    });
    await openTalking({held, campaign});
    expect(".o_tm_name").toHaveText(evil);
    expect(".o_tm_script_text").toHaveText(`Hola ${evil} y {otro}`);
    expect(".o_tm_desk img").toHaveCount(0);
    const named = {empresa: "Fibra, S.A.", nombre: "Ana"};
    expect(fillPlaceholders("<b>{empresa}</b>. Es {nombre}. {empresa}...", named)).toBe(
        '<b><span class="o_tm_filled">Fibra, S.A.</span></b> Es ' +
            '<span class="o_tm_filled">Ana</span>. ' +
            '<span class="o_tm_filled">Fibra, S.A.</span>...'
    );
    // What is still to be asked has its own name, not the placeholder's.
    expect(fillPlaceholders("{perfil.permanencia}", {"perfil.permanencia": ""})).toBe(
        '<span class="o_tm_filled o_tm_missing">[permanencia]</span>'
    );
    expect(fillPlaceholders("<a title='{nombre}'>x</a>", {nombre: "n"})).toMatch(
        /\{nombre\}/
    );
});

test("offline is said at once and notes can still be written", async () => {
    const server = await openTalking();
    server.down = true;
    window.dispatchEvent(new Event("offline"));
    await animationFrame();
    expect(".o_tm_bars [role=alert]").toHaveText(/No network/);
    await contains(".o_tm_notes textarea").edit("still here", {confirm: false});
    await keys("Escape", "1");
    await animationFrame();
    expect(".o_tm_desk[data-phase=kept]").toHaveCount(1);
});

const LEGAL_SCRIPT = {
    id: 1,
    version_id: 9,
    name: "s",
    html: "<p>Hola</p>",
    confirm_lines: [
        {
            key: "9:L0",
            text: "Who calls",
            legal: true,
            article: "art. 96.2 TRLGDCU",
            requirement: "identity",
            when: "always",
        },
        {
            key: "9:L1",
            text: "Total price",
            legal: true,
            article: "art. 98.4 TRLGDCU",
            requirement: "price",
            when: "sale",
        },
        {
            key: "9:L2",
            text: "Lista Robinson",
            legal: true,
            article: "art. 23.3 LOPDGDD",
            requirement: "robinson_info",
            when: "objection",
        },
        {key: "9:0", text: "Hour of the visit"},
    ],
};

function legalCampaign(values = {}) {
    return makeCampaign({
        require_legal_lines: true,
        scripts: [LEGAL_SCRIPT],
        dispositions: [
            disposition(1, "No answer", {key: "1"}),
            disposition(2, "Interested", {key: "2", legal: ["always"]}),
            disposition(3, "Never again", {key: "3", legal: ["always", "objection"]}),
            disposition(7, "Sale", {key: "7", sale: true, legal: ["always", "sale"]}),
        ],
        ...values,
    });
}

test("a sale waits for the legal lines, which light up; ticked, it is recorded", async () => {
    const server = await openTalking({campaign: legalCampaign()});
    expect(queryAllTexts(".o_tm_legal .o_tm_legal_mark")).toEqual(["§", "§", "§"]);
    expect("[data-confirm='9:L0'] abbr").toHaveAttribute("title", "art. 96.2 TRLGDCU");
    expect(".o_tm_confirm_line.o_tm_wanted").toHaveCount(0);
    await keys("7");
    expect(closes(server)).toEqual([]);
    expect(".o_tm_work [role=alert]").toHaveText(/2 lines of the script/);
    expect(".o_tm_confirm_line.o_tm_wanted").toHaveCount(2);
    await click("[data-confirm='9:L0'] input");
    await animationFrame();
    expect(".o_tm_confirm_line.o_tm_wanted").toHaveCount(1);
    await keys("7");
    expect(closes(server)).toEqual([]);
    await click("[data-confirm='9:L1'] input");
    await keys("7");
    const [sent] = server.heard("close_and_get_next");
    expect(sent.payload.confirmed).toEqual(["9:L0", "9:L1"]);
    expect(sent.payload.scripts).toEqual([9]);
});

test("a no, or a call without answer, never waits for legal lines", async () => {
    const server = await openTalking({campaign: legalCampaign()});
    await keys("3");
    expect(closes(server)).toEqual([3]);
});

test("where the campaign does not insist, a sale is recorded all the same", async () => {
    const campaign = legalCampaign({require_legal_lines: false});
    const server = await openTalking({campaign});
    await keys("7");
    expect(closes(server)).toEqual([7]);
});

test("what the server refuses is said beside the results and nothing is lost", async () => {
    const server = await openTalking({
        campaign: legalCampaign({require_legal_lines: false}),
    });
    server.on.close_and_get_next = () => {
        throw userError("“Sale” wants these lines of the script said: Total price.");
    };
    await click("[data-confirm='9:L0'] input");
    await keys("7");
    expect(".o_tm_results .o_tm_error").toHaveText(/Total price/);
    expect(
        ".o_tm_desk[data-phase=talking], .o_tm_desk[data-phase=wrap_up]"
    ).toHaveCount(1);
    expect("[data-confirm='9:L0'] input").toBeChecked();
});

async function openConsent(consent = {}, values = {}) {
    const interaction = {
        uuid: "u-1",
        state: "talking",
        phone_id: 11,
        started_at: instant(),
    };
    const ask = {ask: true, text_id: 4, text_to_read: "May Telco call you?"};
    const held = makeCall(1, {
        interaction,
        consent: makeConsent({state: "expiring", ...ask, ...consent}),
        ...values,
    });
    return openTalking({held});
}

test("the agent sees why the person may be called, and until when today", async () => {
    const today = DateTime.now().endOf("day").toUTC().toFormat("yyyy-MM-dd HH:mm:ss");
    const warnings = ["Their contract ends this month."];
    await openConsent(
        {state: "valid", ask: false},
        {may_call: {answer: "allowed", until: false, closes: today, warnings}}
    );
    expect(".o_tm_may strong").toHaveText(
        "May be called: consent 03/2026 · until 23:59"
    );
    expect(".o_tm_may").toHaveAttribute("title", "TRLGDCU art. 62.1");
    expect(".o_tm_may .o_tm_warning").toHaveText(/contract ends/);
    expect(".o_tm_consent_ask").toHaveCount(0);
});

test("consent is asked for with its text and given by keyboard, once", async () => {
    const server = await openConsent();
    await keys(["alt", "y"]);
    expect(server.heard("record_consent")).toEqual([]);
    await keys(["alt", "k"]);
    expect(".o_tm_consent_asking p").toHaveText("May Telco call you?");
    await keys(["alt", "y"], ["alt", "y"]);
    const heard = server.heard("record_consent");
    expect(heard.length).toBe(1);
    expect(heard[0]).toMatchObject({
        uuid: "u-1",
        target_id: 1,
        purposes: ["call"],
        given: true,
        text_id: 4,
    });
    expect(".o_tm_consent [role=status]").toHaveText(/Consent recorded/);
    expect(".o_tm_consent_asking").toHaveCount(0);
});

test("a no is recorded, and a slip of the finger put right", async () => {
    const server = await openConsent();
    await click(".o_tm_consent_ask");
    await animationFrame();
    await click(".o_tm_consent_yes");
    await animationFrame();
    await animationFrame();
    await click(".o_tm_consent_correct");
    await animationFrame();
    await animationFrame();
    const heard = server.heard("record_consent");
    expect(heard.map(({given, text_id: text}) => [given, text])).toEqual([
        [true, 4],
        [false, 4],
    ]);
    expect(".o_tm_consent [role=status]").toHaveText(/said no/);
});

test("a consent withdrawn in the call is recorded after a second click", async () => {
    const server = await openConsent({state: "valid", ask: false});
    await click(".o_tm_consent_withdraw");
    await animationFrame();
    expect(server.heard("withdraw_consent")).toEqual([]);
    await click(".o_tm_consent_withdraw_yes");
    await animationFrame();
    await animationFrame();
    expect(server.heard("withdraw_consent").length).toBe(1);
    expect(".o_tm_consent [role=status]").toHaveText(/withdrawn/);
    // It is an objection: its number is read aloud, and nobody dials again.
    expect(".o_tm_objection").toHaveText(/for this advertiser/);
    expect(".o_tm_objection_reference").toHaveText("EX2026-000124");
    expect(".o_tm_take_back").toHaveCount(0);
    expect(".o_tm_may[data-answer=never]").toHaveCount(1);
    // "And nobody else either" can still be said.
    await keys(["alt", "x"]);
    expect(".o_tm_objection_reference").toHaveText("EX2026-000123");
});

test("consent is neither asked for nor withdrawn before the call", async () => {
    const consent = makeConsent({state: "none", ask: true, text_to_read: "May we?"});
    await openDesk(new DeskServer({held: makeCall(1, {consent})}));
    expect(".o_tm_desk[data-phase=preview]").toHaveCount(1);
    expect(".o_tm_consent").toHaveText(/No consent/);
    expect(".o_tm_consent button").toHaveCount(0);
});

test("what the server refuses about a consent is said beside it", async () => {
    const server = await openConsent();
    server.on.record_consent = () => {
        throw userError("This text is not for this person.");
    };
    await keys(["alt", "k"], ["alt", "y"]);
    await animationFrame();
    expect(".o_tm_consent .o_tm_error").toHaveText(/not for this person/);
    expect(".o_tm_consent_asking").toHaveCount(1);
});
