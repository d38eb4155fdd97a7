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
    click,
    describe,
    expect,
    press,
    queryOne,
    test,
} from "@odoo/hoot";
import {contains, mountWithCleanup} from "@web/../tests/web_test_helpers";
import {findCards, isIban, maskCards} from "@telemarketing_base/desk/order_pane/cards";
import {DeskAction} from "@telemarketing_base/desk/desk_action";
import {browser} from "@web/core/browser/browser";

describe.current.tags("desktop");
setupDeskTests();
const IBAN = "ES91 2100 0418 4502 0005 1332";
const CARD = "4111 1111 1111 1111";

async function openOrder(values = {}) {
    const interaction = {
        uuid: "u-1",
        state: "talking",
        phone_id: 11,
        started_at: instant(),
    };
    const server = new DeskServer({
        held: makeCall(1, {interaction}),
        campaign: makeCampaign({
            articles: [
                {
                    id: 11,
                    name: "600 Mb",
                    price: 30,
                    currency: "€",
                    conditions: "Twelve months",
                    conditions_key: "11:abc",
                },
            ],
            payments: [
                {id: 1, name: "Direct debit", kind: "mandate"},
                {id: 2, name: "Card", kind: "card_link"},
            ],
            ...values,
        }),
    });
    server.on.price_order = ({lines}) => ({
        now: instant(),
        lines: [{...lines[0], total: 36.3 * lines[0].quantity}],
        offers: [],
        notices: [],
        taxes: [{name: "VAT 21", amount: 6.3 * lines[0].quantity}],
        untaxed: 30 * lines[0].quantity,
        total: 36.3 * lines[0].quantity,
        currency: "€",
    });
    server.install();
    await mountWithCleanup(DeskAction, {props: {action: {}}});
    await animationFrame();
    await animationFrame();
    await click("[data-tab=order]");
    await animationFrame();
    return server;
}

async function result(key) {
    queryOne(".o_tm_desk").focus();
    document.activeElement.blur();
    await press(key);
    await animationFrame();
}

function keptDraft() {
    for (let index = 0; index < browser.localStorage.length; index++) {
        const key = browser.localStorage.key(index);
        if (key.endsWith(".draft.1")) {
            return browser.localStorage.getItem(key);
        }
    }
    return "{}";
}

function allStored() {
    let text = "";
    for (let index = 0; index < browser.localStorage.length; index++) {
        text += browser.localStorage.getItem(browser.localStorage.key(index));
    }
    return text;
}

test("cards are found however they are typed, telephones and accounts are not", () => {
    for (const text of [
        CARD,
        "4111111111111111",
        "4111-1111-1111-1111 12/29",
        "3782 822463 10005",
        `tel. 600 123 456, ${CARD}`,
    ]) {
        expect(findCards(text)).toHaveLength(1);
    }
    for (const text of [
        "",
        IBAN,
        IBAN.replace("1332", "1333"),
        "+4915123456789",
        "644 123 456 655 321 987 622 126 998",
        "12345678Z",
        "S00123 EX2026-000123",
    ]) {
        expect(findCards(text)).toEqual([]);
    }
    expect(maskCards(`pays with ${CARD}, likes fibre`)).toBe(
        "pays with ••••1111, likes fibre"
    );
    expect(isIban(IBAN)).toBe(true);
    expect(isIban(IBAN.replace("1332", "1333"))).toBe(false);
});

test("the final price comes while one goes on, asked once for several clicks", async () => {
    const server = await openOrder();
    await click(".o_tm_more");
    await animationFrame();
    await click(".o_tm_more");
    await animationFrame();
    expect(".o_tm_total").toHaveText(/Total 60/);
    await advanceTime(500);
    await animationFrame();
    expect(server.heard("price_order")).toHaveLength(1);
    expect(".o_tm_total").toHaveText(/Total to pay 72/);
    expect(".o_tm_taxes").toHaveText(/VAT 21 12/);
});

test("a result that reached nobody takes no order; the articles stay to be seen", async () => {
    const server = await openOrder();
    await click(".o_tm_more");
    await animationFrame();
    await result("1");
    expect(server.heard("close_and_get_next")).toHaveLength(0);
    expect(".o_tm_results .o_tm_wanted_text").toHaveText(/take the articles out/);
    expect(".o_tm_quantity input").toHaveValue(1);
});

test("a sale says how it is paid; its account is sent and kept nowhere", async () => {
    const server = await openOrder();
    await click(".o_tm_more");
    await animationFrame();
    await result("7");
    expect(".o_tm_tab_body .o_tm_wanted_text").toHaveText(/how it is paid/);
    await click("[data-payment-id='1']");
    await animationFrame();
    await contains(".o_tm_iban").edit(IBAN, {confirm: false});
    await click(".o_tm_read");
    await animationFrame();
    expect(allStored()).not.toInclude("0418");
    await result("7");
    const [sent] = server.heard("close_and_get_next");
    expect(sent.payload.order).toEqual({
        lines: [{article_id: 11, quantity: 1}],
        payment: 1,
        iban: IBAN,
        holder: "",
        conditions_read: ["11:abc"],
    });
    await animationFrame();
    expect(allStored()).not.toInclude("0418");
});

test("where legal lines are required the conditions are ticked first", async () => {
    const server = await openOrder({require_legal_lines: true, payments: []});
    await click(".o_tm_more");
    await animationFrame();
    await result("7");
    expect(".o_tm_tab_body .o_tm_wanted_text").toHaveText(/Read these conditions/);
    await click(".o_tm_read");
    await animationFrame();
    await result("7");
    expect(server.heard("close_and_get_next")).toHaveLength(1);
});

test("a card number in the notes is refused, stored nowhere, and the rest stays", async () => {
    const server = await openOrder({payments: []});
    await contains("#o_tm_notes_text").edit(`Likes fibre. ${CARD}`, {confirm: false});
    await animationFrame();
    expect(".o_tm_notes .o_tm_error").toHaveText(/••••1111/);
    expect(allStored()).not.toInclude("4111");
    expect(allStored()).toInclude("Likes fibre");
    await result("1");
    expect(server.heard("close_and_get_next")).toHaveLength(0);
    await advanceTime(11_000);
    await animationFrame();
    expect(server.heard("save_notes")[0].notes).toBe("Likes fibre. ••••1111");
    await contains("#o_tm_notes_text").edit("Likes fibre.", {confirm: false});
    await animationFrame();
    expect(".o_tm_notes .o_tm_error").toHaveCount(0);
    await result("1");
    expect(server.heard("close_and_get_next")[0].payload.notes).toBe("Likes fibre.");
});

test("an order half made is there again after a reload, all but the account", async () => {
    await openOrder();
    await click(".o_tm_more");
    await animationFrame();
    await click("[data-payment-id='1']");
    await animationFrame();
    await contains(".o_tm_iban").edit(IBAN, {confirm: false});
    await contains(".o_tm_holder").edit("Ana R", {confirm: false});
    const draft = JSON.parse(keptDraft());
    expect(draft.order).toEqual({11: 1});
    expect(draft.extra.order.holder).toBe("Ana R");
    expect(draft.extra.order.iban).toBe(undefined);
});
