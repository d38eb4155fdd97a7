import {Component, markup, useEffect, useRef} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {deserializeDate, formatDate} from "@web/core/l10n/dates";
import {_t} from "@web/core/l10n/translation";
import {useDesk} from "../desk_hooks";
import {SCRIPT_TAB_URL} from "../script_tab/script_channel";

// When a legal line has to be said; in every conversation goes without saying.
const MOMENTS = {
    sale: () => _t("before a sale"),
    objection: () => _t("if they object"),
};
const PLACEHOLDER = /\{\{?\s*([^{}]+?)\s*\}?\}/g;

/**
 * The script's html with its placeholders filled in. Values go in as text, never as
 * html; one that is still empty shows its name, one that does not exist its braces.
 */
export function fillPlaceholders(html, values) {
    const page = new DOMParser().parseFromString(html || "", "text/html");
    const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
        texts.push(walker.currentNode);
    }
    let ended = false;
    for (const node of texts) {
        // "…de Fibra Norte, S.A." brings the sentence's full stop with it.
        const data = ended ? node.data.replace(/^\.(?!\.)/, "") : node.data;
        const parts = data.split(PLACEHOLDER);
        if (parts.length === 1) {
            ended = ended && !data;
            node.data = data;
            continue;
        }
        // split() on one group: text, name, text, name, …, text
        const pieces = parts.map((part, index) => {
            if (index % 2 === 0) {
                const text = index && ended ? part.replace(/^\.(?!\.)/, "") : part;
                ended = ended && !text;
                return page.createTextNode(text);
            }
            const value = values[part] ?? values[part.toLowerCase()];
            const filled = ![undefined, null, false, ""].includes(value);
            const span = page.createElement("span");
            span.className = filled ? "o_tm_filled" : "o_tm_filled o_tm_missing";
            if (filled) {
                span.textContent = String(value);
            } else if (value === undefined) {
                span.textContent = `{${part}}`;
            } else {
                // Nobody reads braces aloud: what is to be asked, by its own name.
                span.textContent = `[${part.split(".").at(-1)}]`;
            }
            ended = span.textContent.endsWith(".");
            return span;
        });
        node.replaceWith(...pieces);
    }
    return page.body.innerHTML;
}

/** What to say: the campaign's scripts, and the lines that must be ticked as read. */
export class ScriptPane extends Component {
    static template = "telemarketing_base.ScriptPane";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.root = useRef("root");
        useEffect(
            (key) => key && this.showLine(`[data-confirm="${CSS.escape(key)}"]`),
            () => [this.desk.ticked]
        );
        useEffect(
            (wanted) => wanted && this.showLine(".o_tm_confirm_line.o_tm_wanted"),
            () => [this.desk.pending?.where === "script"]
        );
    }

    showLine(selector) {
        this.root.el?.querySelector(selector)?.scrollIntoView({block: "center"});
    }

    get scripts() {
        return this.desk.campaign.scripts || [];
    }

    get script() {
        const {scripts} = this;
        return scripts.find((each) => each.id === this.desk.scriptId) || scripts[0];
    }

    get html() {
        return markup(fillPlaceholders(this.script.html, this.values));
    }

    /** The server's values, and over them what has been filled in since. */
    get values() {
        const values = {...this.desk.call.script_values};
        const changed = this.desk.draft.profile;
        for (const field of this.desk.campaign.profile_fields || []) {
            if (field.name in changed) {
                const value = changed[field.name];
                const option = (field.selection || []).find(([key]) => key === value);
                const name = `perfil.${field.string.trim().toLowerCase()}`;
                values[name] = option ? option[1] : value || "";
                if (value && field.type === "date") {
                    values[name] = formatDate(deserializeDate(value));
                }
            }
        }
        return values;
    }

    /** In a tab of its own, where it covers nothing; an outside page opens itself.
     * Without an opener: a tab that inherits this one's seat would be a second desk. */
    openTab() {
        const url = this.script.html ? SCRIPT_TAB_URL : this.url || SCRIPT_TAB_URL;
        browser.open(url, "_blank", "noopener,noreferrer");
    }

    /** Only pages of the web are shown in a frame. */
    get url() {
        const {url} = this.script;
        return /^https?:\/\//i.test(url || "") ? url : "";
    }

    get lines() {
        const {pending, draft} = this.desk;
        const wanted = pending && this.desk.disposition(pending.dispositionId);
        const unsaid = wanted ? this.desk.unsaidFor(wanted) : [];
        return (this.script.confirm_lines || []).map((line) => ({
            ...line,
            read: draft.confirmed.includes(line.key),
            ticked: line.key === this.desk.ticked,
            wanted: unsaid.some((each) => each.key === line.key),
            moment: line.legal ? MOMENTS[line.when]?.() : "",
        }));
    }

    /** What an objection alone wants said is not left over from every other call. */
    get unread() {
        const left = this.lines.filter(
            (line) => !line.read && line.when !== "objection"
        ).length;
        const {length} = this.lines;
        return left ? _t("%(left)s of %(all)s left", {left, all: length}) : "";
    }
}
