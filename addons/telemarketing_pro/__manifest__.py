{
    "name": "Telemarketing PRO",
    "summary": "Edition PRO: one running campaign at a time",
    "version": "19.0.1.0.0",
    "category": "Telemarketing/Editions",
    "license": "LGPL-3",
    "author": "Telemarketing Suite",
    "website": "https://github.com/telemarketing-suite/telemarketing",
    "depends": ["telemarketing_base"],
    "data": ["data/telemarketing_edition.xml"],
    "post_init_hook": "post_init_hook",
}
