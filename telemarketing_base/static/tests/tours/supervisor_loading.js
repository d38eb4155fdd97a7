import {inputFiles} from "@web/../tests/utils";
import {registry} from "@web/core/registry";

const FILE = "Teléfono;Quién;Dirección\n644000001;Eva Cuatro;Sol 4\n123;Malo;Sol 5\n";

registry.category("web_tour.tours").add("telemarketing_supervisor_loading", {
    url: "/odoo/action-telemarketing_base.action_telemarketing_database",
    steps: () => [
        {
            content: "the supervisor opens a database",
            trigger: ".o_data_row .o_data_cell:contains(Base del lunes)",
            run: "click",
        },
        {
            content: "and loads a file into it",
            trigger: ".o_form_view button[name='action_import']",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name='file']",
            async run() {
                await inputFiles(".o_field_widget[name='file'] input[type='file']", [
                    new File([FILE], "lunes.csv", {type: "text/csv"}),
                ]);
            },
        },
        {trigger: "button[name='action_read']", run: "click"},
        {
            content: "no column is the name, and that is said",
            trigger: ".alert-danger:contains(No column is: Name)",
        },
        {
            content: "the supervisor says by hand which one it is",
            trigger:
                ".o_field_widget[name='column_ids'] .o_data_row:contains(Quién) .o_data_cell[name='target']",
            run: "click",
        },
        {
            trigger:
                ".o_selected_row .o_field_widget[name='target'] .o_select_menu_toggler",
            run: "click",
        },
        {
            trigger: ".o_select_menu_item:contains(/^Name$/)",
            run: "click",
        },
        {trigger: "button[name='action_preview']", run: "click"},
        {trigger: "body:not(:has(.alert-danger:contains(No column is)))"},
        {trigger: ".o_notebook .nav-link[name='preview']", run: "click"},
        {
            content: "the preview shows what is wrong before anything is written",
            trigger:
                ".o_field_widget[name='preview_html'] td.table-danger:contains(123)",
        },
        {trigger: "button[name='action_load']", run: "click"},
        {
            content: "it loads in the background",
            trigger: ".o_form_view:contains(lunes.csv)",
        },
    ],
});
