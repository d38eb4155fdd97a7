import {_t} from "@web/core/l10n/translation";

/**
 * Payment card numbers in what is typed: the browser's half of identity/cards.py, by the
 * same ranges and shapes. The server judges again.
 */
const RANGES = [
    ["4", "4", [16, 19]],
    ["51", "55", [16]],
    ["2221", "2720", [16]],
    ["34", "34", [15]],
    ["37", "37", [15]],
    ["300", "305", [14, 16]],
    ["3095", "3095", [14, 16]],
    ["36", "36", [14, 16]],
    ["38", "39", [14, 16]],
    ["3528", "3589", [16]],
    ["5018", "5018", [16, 18, 19]],
    ["5020", "5020", [16, 18, 19]],
    ["5038", "5038", [16, 18, 19]],
    ["5893", "5893", [16, 18, 19]],
    ["6011", "6011", [16, 19]],
    ["62", "62", [16, 19]],
    ["6304", "6304", [16, 18, 19]],
    ["644", "649", [16, 19]],
    ["65", "65", [16, 19]],
    ["6759", "6759", [16, 18, 19]],
    ["6761", "6763", [16, 18, 19]],
];
const LEAST = 14;
const MOST = 19;
const RUN = /[0-9](?:[ \t\-‐-―.·_/\u200b]{0,3}[0-9])*/g;
const IBAN = /(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ \-.]?[A-Za-z0-9]){10,30}/g;

function luhn(digits) {
    let total = 0;
    for (let place = 0; place < digits.length; place++) {
        const value = Number(digits[digits.length - 1 - place]) * (1 + (place % 2));
        total += value > 9 ? value - 9 : value;
    }
    return total % 10 === 0;
}

export function isCard(digits) {
    const issued = RANGES.some(([low, high, lengths]) => {
        const start = digits.slice(0, low.length);
        return low <= start && start <= high && lengths.includes(digits.length);
    });
    return issued && luhn(digits) && new Set(digits).size > 1;
}

/** Remainder 1 of ISO 13616: letters as 10 to 35, the first four at the end. */
export function isIban(text) {
    const iban = text.replace(/[^A-Za-z0-9]/g, "").toUpperCase();
    if (!/^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$/.test(iban)) {
        return false;
    }
    if (iban.startsWith("ES") && iban.length !== 24) {
        return false;
    }
    let rest = 0;
    for (const char of iban.slice(4) + iban.slice(0, 4)) {
        for (const digit of parseInt(char, 36).toString()) {
            rest = (rest * 10 + Number(digit)) % 97;
        }
    }
    return rest === 1;
}

function isPrinted(sizes) {
    const known = ["4,6,5", "4,6,4", "8,8", "6,13"];
    if (sizes.length === 1 || known.includes(sizes.join())) {
        return true;
    }
    const body = sizes.slice(0, -1);
    const last = sizes.at(-1);
    return [4, 2, 1].some(
        (size) => last <= size && body.every((each) => each === size)
    );
}

function cardsInRun(run) {
    const groups = [...run.matchAll(/[0-9]+/g)];
    const found = [];
    let start = 0;
    while (start < groups.length) {
        let stop = start;
        let digits = "";
        for (let end = start; end < groups.length; end++) {
            digits += groups[end][0];
            if (digits.length > MOST) {
                break;
            }
            const sizes = groups.slice(start, end + 1).map((group) => group[0].length);
            if (digits.length >= LEAST && isPrinted(sizes) && isCard(digits)) {
                const last = groups[end];
                found.push(run.slice(groups[start].index, last.index + last[0].length));
                stop = end + 1;
                break;
            }
        }
        start = stop > start ? stop : start + 1;
    }
    return found;
}

/** A Spanish IBAN has 24 characters, whether its control digits are right or not. */
function hideIban(text) {
    let taken = 0;
    for (let place = 0; place < text.length; place++) {
        taken += /[A-Za-z0-9]/.test(text[place]) ? 1 : 0;
        const head = text.slice(0, place + 1);
        const whole = /^es/i.test(text) ? taken === 24 : taken >= 15 && isIban(head);
        const rest = text.slice(place + 1);
        if (whole && !/^[0-9]/.test(rest)) {
            return " ".repeat(place + 1) + rest;
        }
    }
    return text;
}

/** Card numbers in a text, as they were typed. */
export function findCards(text) {
    const plain = String(text || "")
        .normalize("NFKC")
        .replace(IBAN, hideIban);
    return [...plain.matchAll(RUN)]
        .filter((run) => run[0].replace(/[^0-9]/g, "").length >= LEAST)
        .filter((run) => !plain.slice(0, run.index).trimEnd().endsWith("+"))
        .flatMap((run) => cardsInRun(run[0]));
}

export function maskCard(card) {
    return `••••${card.replace(/[^0-9]/g, "").slice(-4)}`;
}

/** The text as it may be kept: its card numbers hidden, the rest untouched. */
export function maskCards(text) {
    let kept = String(text || "");
    for (const card of findCards(kept)) {
        kept = kept.normalize("NFKC").replaceAll(card, maskCard(card));
    }
    return kept;
}

/** Why a text is refused, naming what to take out; "" where there is no card in it. */
export function cardProblem(text) {
    const cards = findCards(text);
    if (!cards.length) {
        return "";
    }
    return _t(
        "Take out the card number %s: card numbers are never written down here (PCI DSS). The rest stays. To pay by card the buyer gets a link.",
        cards.map(maskCard).join(", ")
    );
}
