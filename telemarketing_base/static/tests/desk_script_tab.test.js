import {
    DeskServer,
    disposition,
    instant,
    makeCall,
    makeCampaign,
    setupDeskTests,
} from "./desk_helpers";
import {
    advanceTime,
    animationFrame,
    beforeEach,
    click,
    describe,
    expect,
    test,
} from "@odoo/hoot";
import {mountWithCleanup, patchWithCleanup} from "@web/../tests/web_test_helpers";
import {browser} from "@web/core/browser/browser";
import {DeskAction} from "@telemarketing_base/desk/desk_action";
import {ScriptPane} from "@telemarketing_base/desk/script_pane/script_pane";
import {ScriptTab} from "@telemarketing_base/desk/script_tab/script_tab";

describe.current.tags("desktop");
setupDeskTests();

const DESK = ".o_tm_desk";
const TAB = ".o_tm_script_tab";
let channels = [];

/** What a browser does between tabs: copies to the others of that name, at once. */
class Channel {
    constructor(name) {
        this.name = name;
        channels.push(this);
    }

    postMessage(message) {
        for (const other of [...channels]) {
            if (other !== this && other.name === this.name) {
                other.onmessage?.({data: structuredClone(message)});
            }
        }
    }

    close() {
        channels = channels.filter((each) => each !== this);
    }
}

beforeEach(() => {
    channels = [];
    patchWithCleanup(browser, {BroadcastChannel: Channel});
});

const line = (key, text, values = {}) => ({
    key,
    text,
    legal: true,
    when: "always",
    requirement: "identity",
    article: "art. 1",
    ...values,
});
const SCRIPTS = [
    {
        id: 1,
        version_id: 11,
        name: "Opening",
        html: "<p>Good morning, {{nombre}}</p>",
        url: "",
        confirm_lines: [line("k1", "We are Telco")],
    },
    {
        id: 2,
        version_id: 12,
        name: "Objections",
        html: "<p>I understand</p>",
        url: "",
        confirm_lines: [],
    },
];

function person(id = 1) {
    const interaction = {
        uuid: `u-${id}`,
        state: "talking",
        phone_id: 10 * id + 1,
        started_at: instant(),
    };
    return makeCall(id, {interaction, script_values: {nombre: `Name ${id}`}});
}

async function settle() {
    await animationFrame();
    await animationFrame();
}

async function openDesk(values = {}, campaign = {}) {
    const server = new DeskServer({
        campaign: makeCampaign({scripts: SCRIPTS, ...campaign}),
        held: person(),
        ...values,
    });
    server.install();
    const desk = await mountWithCleanup(DeskAction, {props: {action: {}}});
    await settle();
    return {server, desk};
}

async function openTab() {
    const tab = await mountWithCleanup(ScriptTab, {props: {action: {}}});
    await settle();
    return tab;
}

test("the tab shows the script on the desk with the person's name in it", async () => {
    const {server} = await openDesk();
    const asked = server.calls.length;
    await openTab();
    expect(`${TAB} .o_tm_script_text`).toHaveText("Good morning, Name 1");
    expect(`${TAB} h1`).toHaveText("Person 1");
    expect(`${TAB} .o_tm_script_open`).toHaveCount(0);
    expect(server.calls.length).toBe(asked);
});

test("a line read in the tab is ticked on the desk, and the other way round", async () => {
    const {desk} = await openDesk();
    await openTab();
    await click(`${TAB} [data-confirm=k1] input`);
    await settle();
    expect(desk.desk.draft.confirmed).toEqual(["k1"]);
    expect(`${DESK} [data-confirm=k1] input`).toBeChecked();
    expect(`${TAB} [data-confirm=k1] input`).toBeChecked();
    await click(`${DESK} [data-confirm=k1] input`);
    await settle();
    expect(`${TAB} [data-confirm=k1] input`).not.toBeChecked();
});

test("the script chosen on the desk is the one in the tab, and the other way round", async () => {
    await openDesk();
    await openTab();
    await click(`${DESK} .o_tm_script_names button:contains(Objections)`);
    await settle();
    expect(`${TAB} .o_tm_script_text`).toHaveText("I understand");
    await click(`${TAB} .o_tm_script_names button:contains(Opening)`);
    await settle();
    expect(`${DESK} .o_tm_script_text`).toHaveText("Good morning, Name 1");
});

test("a tick meant for the person before falls on nobody", async () => {
    const {desk} = await openDesk();
    const tab = await openTab();
    tab.channel.postMessage({kind: "tick", uuid: "u-0", key: "k1", read: true});
    tab.channel.postMessage({kind: "tick", uuid: "u-1", key: "other", read: true});
    expect(desk.desk.draft.confirmed).toEqual([]);
});

test("without a call the tab says so, and the next person's script comes by itself", async () => {
    const {desk, server} = await openDesk();
    await openTab();
    server.held = false;
    desk.desk._setCall(false);
    await settle();
    expect(`${TAB} .o_tm_nothing`).toHaveText(/^No call/);
    expect(TAB).not.toHaveText(/Person 1|Name 1/);
    desk.desk._setCall(person(2));
    await settle();
    expect(`${TAB} .o_tm_script_text`).toHaveText("Good morning, Name 2");
});

test("a tab opened before the desk, or a desk reloaded, are found again", async () => {
    await openTab();
    expect(`${TAB} .o_tm_nothing`).toHaveText(/^The call desk is not open/);
    const {desk} = await openDesk();
    expect(`${TAB} .o_tm_script_text`).toHaveText("Good morning, Name 1");
    // Closed without a word: what was of a person is taken away.
    const ours = channels.filter(({name}) => name.startsWith("telemarketing_script"));
    expect(ours.length).toBe(2);
    ours[1].close();
    await advanceTime(16_000);
    await settle();
    expect(`${TAB} .o_tm_nothing`).toHaveText(/^The call desk is not open/);
    expect(desk.desk.draft.confirmed).toEqual([]);
});

test("a result that wants a line said marks it in the tab too", async () => {
    const {desk} = await openDesk(
        {},
        {dispositions: [disposition(7, "Sale", {key: "7", legal: ["always"]})]}
    );
    await openTab();
    desk.desk.pending = {dispositionId: 7, where: "script", text: "Read it"};
    await settle();
    expect(`${TAB} [data-confirm=k1]`).toHaveClass("o_tm_wanted");
});

test("the button opens the tab without this one's seat, an outside page itself", async () => {
    const opened = [];
    patchWithCleanup(browser, {open: (...args) => opened.push(args)});
    await openDesk();
    await click(`${DESK} .o_tm_script_open button`);
    // No page of the web is loaded in a test.
    const url = "https://guide.example.com/a";
    ScriptPane.prototype.openTab.call({script: {html: "", url}, url});
    expect(opened).toEqual([
        ["/odoo/telemarketing-script", "_blank", "noopener,noreferrer"],
        [url, "_blank", "noopener,noreferrer"],
    ]);
});
