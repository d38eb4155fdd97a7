{
    "name": "Telemarketing Dialer",
    "summary": "Manual, preview, progressive and predictive calls through Asterisk",
    "version": "19.0.1.0.0",
    "category": "Telemarketing",
    "license": "LGPL-3",
    "author": "Telemarketing Suite",
    "website": "https://github.com/telemarketing-suite/telemarketing",
    "depends": ["telemarketing_base"],
    "external_dependencies": {"python": ["asterisk-ami", "cryptography"]},
    "data": [
        "security/ir.model.access.csv",
        "security/telemarketing_dialer_rules.xml",
        "data/telemarketing_cron.xml",
        "data/telemarketing_disposition.xml",
        "views/telemarketing_dialer_list_views.xml",
        "views/telemarketing_disposition_views.xml",
        "wizards/dialer_test_views.xml",
        "views/telemarketing_dialer_server_views.xml",
        "views/telemarketing_dialer_ledger_views.xml",
        "views/telemarketing_campaign_views.xml",
        "views/telemarketing_interaction_views.xml",
        "views/telemarketing_target_views.xml",
        "views/telemarketing_dialer_menus.xml",
    ],
    "demo": [
        "demo/telemarketing_dialer_demo.xml",
    ],
    "uninstall_hook": "uninstall_hook",
    "assets": {
        "web.assets_backend": [
            "telemarketing_dialer/static/src/telephony/**/*",
            "telemarketing_dialer/static/src/desk/**/*",
        ],
        "web.assets_unit_tests": [
            "telemarketing_dialer/static/tests/**/*.js",
        ],
    },
}
