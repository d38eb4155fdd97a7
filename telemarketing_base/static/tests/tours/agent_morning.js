import {keepTelephoneLinks, phase, press, result} from "./tour_steps";
import {registry} from "@web/core/registry";
import {stepUtils} from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("telemarketing_agent_morning", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "the agent finds the call desk",
            trigger:
                ".o_app[data-menu-xmlid='telemarketing_base.menu_telemarketing_root']",
            run: () => {
                keepTelephoneLinks();
                document
                    .querySelector(
                        ".o_app[data-menu-xmlid='telemarketing_base.menu_telemarketing_root']"
                    )
                    .click();
            },
        },
        {
            content: "and chooses the campaign",
            trigger: `${phase("no_campaign")} .o_tm_campaign_card:contains(Mañana)`,
            run: "click",
        },
        {trigger: `${phase("ready")} .o_tm_next`, run: "click"},
        {
            content: "the script names the person",
            trigger: `${phase("preview")} .o_tm_pane:contains(Buenos días Ana Uno)`,
        },
        {trigger: `${phase("preview")} .o_tm_dial`, run: "click"},
        {
            content: "notes are typed while talking",
            trigger: `${phase("talking")} .o_tm_notes textarea`,
            run: "edit comunica, probar luego",
        },
        press(result("tour_no_answer")),
        {
            content: "the next person comes by itself",
            trigger: `${phase("preview")}:contains(Berta Dos)`,
        },
        {trigger: `${phase("preview")} .o_tm_dial`, run: "click"},
        press(`${phase("talking")} ${result("tour_call_back")}`),
        {
            content: "a callback needs its hour: the picker lights up in place",
            trigger: ".o_tm_callback.o_tm_wanted",
        },
        {trigger: ".o_tm_callback .o_tm_quick:first", run: "click"},
        press(result("tour_call_back")),
        {trigger: `${phase("preview")}:contains(Carla Tres)`},
        {trigger: `${phase("preview")} .o_tm_dial`, run: "click"},
        // a level unfolds in the same row
        press(`${phase("talking")} ${result("tour_useful")}`),
        // a sale opens the order in place
        press(result("tour_sale")),
        {trigger: ".o_tm_article .o_tm_more", run: "click"},
        press(result("tour_sale")),
        {
            content: "nobody is left: the desk says why",
            trigger: phase("empty"),
        },
    ],
});
