const TEXT_INPUTS =
    "input:not([type=checkbox]):not([type=radio]):not([type=button])" +
    ":not([type=submit]), textarea, select, [contenteditable=true]";

/** True where a digit or a letter is something that the agent writes. */
export function isTextField(target) {
    return Boolean(target?.closest?.(TEXT_INPUTS));
}

/** True where Enter or Space already presses what has the focus. */
export function isPressable(target) {
    return Boolean(target?.closest?.("button, a[href], summary, input, select, label"));
}

/**
 * The digit of a key, from the top row or the keypad; "" for any other key.
 * With Alt only the top row counts: Alt and keypad digits write characters on Windows.
 */
export function digitOf(ev) {
    const top = /^Digit(\d)$/.exec(ev.code || "");
    if (top && !ev.shiftKey) {
        return top[1];
    }
    const pad = (ev.code || "").startsWith("Numpad");
    return /^\d$/.test(ev.key) && !(pad && ev.altKey) ? ev.key : "";
}

/**
 * The letter pressed with Alt alone, upper case; "" for any other key. The key's place
 * stands in where Alt makes another character of it (macOS) or the script is not Latin.
 */
export function altLetter(ev) {
    if (!ev.altKey || ev.ctrlKey || ev.metaKey) {
        return "";
    }
    if (/^[a-z]$/i.test(ev.key)) {
        return ev.key.toUpperCase();
    }
    return /^Key([A-Z])$/.exec(ev.code || "")?.[1] || "";
}

/** Nobody else acts on a key that the desk has used. */
export function consume(ev) {
    ev.preventDefault();
    ev.stopImmediatePropagation();
}
