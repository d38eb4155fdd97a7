import {formatCurrency} from "@web/core/currency";
import {deserializeDateTime, serializeDateTime} from "@web/core/l10n/dates";
import {_t} from "@web/core/l10n/translation";
import {formatFloat} from "@web/core/utils/numbers";

const {DateTime} = luxon;

/** Milliseconds of a server instant, or null. */
export function toMillis(instant) {
    return instant ? deserializeDateTime(instant).toMillis() : null;
}

/** Server instant of milliseconds. */
export function toInstant(millis) {
    return serializeDateTime(DateTime.fromMillis(millis));
}

/** 161 → "2:41", 3725 → "1:02:05" */
export function formatSeconds(seconds) {
    const whole = Math.max(0, Math.floor(seconds || 0));
    const pad = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor((whole % 3600) / 60);
    const tail = pad(whole % 60);
    return hours ? `${hours}:${pad(minutes)}:${tail}` : `${minutes}:${tail}`;
}

/** The zone of the person called, or ours when the server names none that we know. */
export function zoneOf(tz) {
    return tz && luxon.IANAZone.isValidZone(tz) ? tz : luxon.Settings.defaultZone;
}

/** "16:30" today, "tomorrow 10:00", "Mon 3 Aug 10:00" */
export function formatWhen(instant, now, tz = null) {
    if (!instant) {
        return "";
    }
    const zone = zoneOf(tz);
    const when = deserializeDateTime(instant).setZone(zone);
    const today = DateTime.fromMillis(now, {zone});
    const time = when.toFormat("HH:mm");
    if (when.hasSame(today, "day")) {
        return time;
    }
    if (when.hasSame(today.plus({days: 1}), "day")) {
        return _t("tomorrow %s", time);
    }
    const format = when.hasSame(today, "year") ? "ccc d LLL HH:mm" : "d LLL yyyy HH:mm";
    return when.toFormat(format);
}

/** A history line's moment, short and always with its day. */
export function formatMoment(instant) {
    return instant ? deserializeDateTime(instant).toFormat("dd/MM/yy HH:mm") : "";
}

/** How the call's length stands beside the campaign's average. */
export function timerLevel(seconds, average) {
    if (!average || average <= 0) {
        return "calm";
    }
    if (seconds >= average * 1.3) {
        return "red";
    }
    return seconds >= average ? "amber" : "calm";
}

/** The currency comes as an id of res.currency, its name, or `{id, symbol}`. */
export function formatPrice(price, currency) {
    const id = Array.isArray(currency) ? currency[0] : currency?.id || currency;
    if (typeof id === "number") {
        return formatCurrency(price || 0, id);
    }
    const sign = currency?.symbol || (typeof currency === "string" ? currency : "");
    return `${formatFloat(price || 0)} ${sign}`.trim();
}

/**
 * May a call be agreed for this instant without the person asking for that very hour?
 * @param {luxon.DateTime} when at the person's place
 * @param {{opens, closes, days}|false} calling days and hours of calls there; false: any
 */
export function inCallingHours(when, calling) {
    if (!calling) {
        return true;
    }
    const {days} = calling;
    const day = when.toISODate();
    const known = days.length && day <= days[days.length - 1];
    const hour = when.toFormat("HH:mm");
    // Further ahead the server knows the holidays.
    const open = known ? days.includes(day) : when.weekday < 6;
    return open && hour >= calling.opens && hour < calling.closes;
}
