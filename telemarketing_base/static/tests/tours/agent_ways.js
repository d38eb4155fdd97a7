import {chooseCampaign, phase, press, result} from "./tour_steps";
import {registry} from "@web/core/registry";

const url = "/odoo/telemarketing-desk";

// A manual campaign: nobody comes unless asked for, and whom to call is searched.
registry.category("web_tour.tours").add("telemarketing_agent_manual", {
    url,
    steps: () => [
        ...chooseCampaign("Mañana"),
        {trigger: `${phase("ready")} .o_tm_search_all`, run: "click"},
        {trigger: ".o_tm_idle_search input", run: "edit Berta"},
        {trigger: ".o_tm_search button", run: "click"},
        {
            content: "people found have the room of the callbacks",
            trigger: ".o_tm_found .o_tm_card:contains(Berta Dos)",
            run: "click",
        },
        {trigger: `${phase("preview")} .o_tm_dial`, run: "click"},
        press(`${phase("talking")} ${result("tour_call_back")}`),
        {trigger: ".o_tm_callback .o_tm_quick:first", run: "click"},
        press(result("tour_call_back")),
        {
            content: "whose result was recorded is said, and nobody came",
            trigger: `${phase("ready")} .o_tm_results_notice:contains(Berta Dos)`,
        },
        {
            content: "the callback is worked from the start page",
            trigger: ".o_tm_callback_open:contains(Berta Dos)",
        },
        press(".o_tm_next"),
        {trigger: `${phase("preview")}:contains(Ana Uno)`},
    ],
});

// An automatic one with a preview: the call starts and the next person comes.
registry.category("web_tour.tours").add("telemarketing_agent_automatic", {
    url,
    steps: () => [
        ...chooseCampaign("Mañana"),
        {trigger: `${phase("ready")} .o_tm_next`, run: "click"},
        {
            content: "what will happen by itself is counted down",
            trigger: `${phase("preview")} .o_tm_countdown[data-kind=dial]`,
        },
        {content: "nobody pressed Dial", trigger: phase("talking")},
        press(`${phase("talking")} ${result("tour_no_answer")}`),
        {trigger: `${phase("ready")} .o_tm_countdown[data-kind=next]`},
        {
            content: "nor Next",
            trigger: `${phase("preview")}:contains(Berta Dos)`,
        },
    ],
});
