import {registry} from "@web/core/registry";

const LEFT = "td:nth-child(2)";
const RIGHT = "td:nth-child(3)";

registry.category("web_tour.tours").add("telemarketing_supervisor_repeated", {
    url: "/odoo/action-telemarketing_base.action_telemarketing_duplicate_search",
    steps: () => [
        {trigger: ".o_list_button_add", run: "click"},
        {
            content: "the supervisor looks for repeated people",
            trigger: "button[name='action_start']",
            run: "click",
        },
        {
            content: "the screen follows what goes on in the background",
            trigger: "button.btn-primary[name='action_open_pairs']:visible",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Ana Uno) .o_data_cell[name='name_a']",
            run: "click",
        },
        {
            content: "both people side by side, what differs marked",
            trigger: `.o_telemarketing_comparison tr[data-field='email'] ${LEFT}.table-success:contains(ana@example.com)`,
        },
        {
            content: "one value is taken from the other",
            trigger: `.o_telemarketing_comparison tr[data-field='email'] ${RIGHT} input`,
            run: "click",
        },
        {
            trigger: `.o_telemarketing_comparison tr[data-field='email'] ${RIGHT}.table-success`,
        },
        {trigger: "button[name='action_keep_left']", run: "click"},
        {
            content: "the next pair is there at once, in the same place",
            trigger: ".o_telemarketing_comparison:contains(Berta Dos)",
        },
        {trigger: ".o_breadcrumb:not(:contains(Ana Uno))"},
        {
            content: "by the keyboard: not the same",
            trigger: "button[name='action_different']",
            run: "press Alt+d",
        },
        {
            content: "no more of them",
            trigger: ".o_list_view:not(:has(.o_data_row)), .o_view_nocontent",
        },
    ],
});

registry.category("web_tour.tours").add("telemarketing_supervisor_merge", {
    url: "/odoo/action-telemarketing_base.action_telemarketing_contact",
    steps: () => [
        {
            trigger: ".o_data_row:contains(Ana Uno) .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Berta Dos) .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_cp_action_menus .dropdown-toggle:contains(Action)",
            run: "click",
        },
        {trigger: ".o-dropdown-item:contains(Merge…)", run: "click"},
        {
            content: "whom to keep",
            trigger:
                ".modal .o_telemarketing_comparison th:nth-child(3) label:contains(Berta Dos) input",
            run: "click",
        },
        {
            trigger: ".modal th:nth-child(3) .badge:contains(Stays)",
        },
        {trigger: ".modal button[name='action_merge']", run: "click"},
        {
            content: "what was done, and that it can be undone",
            trigger: ".o_form_view button[name='action_undo']",
        },
    ],
});

registry.category("web_tour.tours").add("telemarketing_supervisor_normalise", {
    url: "/odoo/action-telemarketing_base.action_telemarketing_normalise",
    steps: () => [
        {trigger: ".o_list_button_add", run: "click"},
        {trigger: "button[name='action_preview']", run: "click"},
        {
            content: "what would change",
            trigger: ".o_field_widget[name='example_ids'] td:contains(Carla Tres)",
        },
        {trigger: "button[name='action_start']", run: "click"},
        {trigger: ".modal .modal-footer .btn-primary", run: "click"},
        {
            content: "it is done in the background, and can be undone",
            trigger: "button[name='action_undo']:visible",
        },
    ],
});
