{
    "name": "Telemarketing ADV",
    "summary": "Edition ADV: campaigns in parallel, dialer, commissions",
    "version": "19.0.1.0.0",
    "category": "Telemarketing/Editions",
    "license": "LGPL-3",
    "author": "Telemarketing Suite",
    "website": "https://github.com/telemarketing-suite/telemarketing",
    "depends": ["telemarketing_pro"],
    "data": ["data/telemarketing_edition.xml"],
    "post_init_hook": "post_init_hook",
}
