import {_t} from "@web/core/l10n/translation";
import {cardProblem, isIban, maskCards} from "./cards";

const DELIVERY = ["name", "street", "street2", "zip", "city"];

/** What was typed of the order besides its quantities. */
export function orderDetails(draft) {
    return {
        payment: false,
        iban: "",
        holder: "",
        elsewhere: false,
        delivery: {},
        read: [],
        code: "",
        ...draft?.extra?.order,
    };
}

/** The articles ordered, with their quantities. */
export function orderedArticles(desk) {
    const {order = {}} = desk.draft || {};
    return (desk.campaign?.articles || [])
        .filter((article) => order[article.id])
        .map((article) => ({...article, quantity: order[article.id]}));
}

export function orderLines(desk) {
    return Object.entries(desk.draft?.order || {}).map(([articleId, quantity]) => ({
        article_id: Number(articleId),
        quantity,
    }));
}

export function orderCodes(desk) {
    const {code} = orderDetails(desk.draft);
    return desk.campaign?.order_codes
        ? code
              .split(/[\s,;]+/)
              .filter(Boolean)
              .slice(0, 5)
        : [];
}

export function orderPayment(desk) {
    const {payment} = orderDetails(desk.draft);
    const payments = desk.campaign?.payments || [];
    return payments.find((each) => each.id === payment) || null;
}

function paymentMissing(desk) {
    const payment = orderPayment(desk);
    if (!payment) {
        return desk.campaign.payments?.length ? _t("Say how it is paid.") : "";
    }
    const {iban} = orderDetails(desk.draft);
    if (payment.kind !== "mandate" || isIban(iban)) {
        return "";
    }
    return iban
        ? _t("The IBAN is not right: read it back to the person.")
        : _t("Ask for the IBAN.");
}

/** What the order still wants: a sentence, or "". The server judges again. */
export function orderMissing(desk, disposition) {
    if (!orderLines(desk).length) {
        return "";
    }
    if (!disposition.sale) {
        return _t(
            "“%s” does not go with an order: take the articles out, or give another result.",
            disposition.name
        );
    }
    const details = orderDetails(desk.draft);
    const typed = [details.iban, details.holder, details.code].concat(
        Object.values(details.delivery)
    );
    for (const text of typed) {
        const problem = cardProblem(text);
        if (problem) {
            return problem;
        }
    }
    const unread = orderedArticles(desk).filter(
        (article) =>
            article.conditions_key && !details.read.includes(article.conditions_key)
    );
    if (unread.length && desk.campaign.require_legal_lines) {
        return _t(
            "Read these conditions aloud and tick them first: %s.",
            unread.map((article) => article.name).join("; ")
        );
    }
    const unpaid = paymentMissing(desk);
    if (unpaid) {
        return unpaid;
    }
    const {street, city} = details.delivery;
    if (details.elsewhere && !(street && city)) {
        return _t("A delivery address has at least a street and a city.");
    }
    return "";
}

/** The order as `close_and_get_next` takes it; nothing where nothing was ordered. */
export function orderPayload(desk) {
    const lines = orderLines(desk);
    if (!lines.length) {
        return {};
    }
    const details = orderDetails(desk.draft);
    const order = {lines};
    const payment = orderPayment(desk);
    if (payment) {
        order.payment = payment.id;
        if (payment.kind === "mandate") {
            order.iban = details.iban;
            order.holder = details.holder;
        }
    }
    const delivery = {};
    for (const name of DELIVERY) {
        if (details.elsewhere && details.delivery[name]) {
            delivery[name] = details.delivery[name];
        }
    }
    if (details.delivery.note) {
        delivery.note = details.delivery.note;
    }
    if (Object.keys(delivery).length) {
        order.delivery = delivery;
    }
    if (details.read.length) {
        order.conditions_read = [...details.read];
    }
    const codes = orderCodes(desk);
    if (codes.length) {
        order.codes = codes;
    }
    return {order};
}

/**
 * The draft as it may lie in this computer's storage: no account, no card number. The
 * IBAN lives in the page's memory until the result is sent; after a reload it is asked
 * for again.
 */
export function draftToKeep(draft) {
    const kept = {...draft, notes: maskCards(draft.notes)};
    if (draft.extra?.order) {
        const {...order} = draft.extra.order;
        delete order.iban;
        for (const name of ["holder", "code"]) {
            if (order[name]) {
                order[name] = maskCards(order[name]);
            }
        }
        if (order.delivery) {
            order.delivery = Object.fromEntries(
                Object.entries(order.delivery).map(([name, text]) => [
                    name,
                    maskCards(text),
                ])
            );
        }
        kept.extra = {...draft.extra, order};
    }
    return kept;
}
