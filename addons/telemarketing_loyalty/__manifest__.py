{
    "name": "Telemarketing and Promotions",
    "summary": "Promotions and codes of Odoo in the orders taken at the call desk",
    "version": "19.0.1.0.0",
    "category": "Telemarketing",
    "license": "LGPL-3",
    "author": "Telemarketing Suite",
    "website": "https://github.com/telemarketing-suite/telemarketing",
    "depends": ["telemarketing_base", "sale_loyalty"],
    "auto_install": True,
}
