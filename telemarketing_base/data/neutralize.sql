-- A restored copy must call nobody: campaigns stop, desks are empty, nothing is due.
UPDATE telemarketing_campaign SET state = 'paused' WHERE state = 'running';
UPDATE telemarketing_agent_session SET logout_at = last_seen_at WHERE logout_at IS NULL;
UPDATE telemarketing_target
   SET state = 'ready', leased_by_id = NULL, leased_until = NULL, interaction_id = NULL
 WHERE state IN ('leased', 'talking', 'wrap_up');
DELETE FROM ir_config_parameter
 WHERE key IN ('telemarketing.demo_database', 'telemarketing.clock_shift_seconds');
-- …reads no folder
UPDATE telemarketing_import_watch SET active = false;
-- …and asks nobody in our name.
UPDATE res_company
   SET telemarketing_robinson_key = NULL, telemarketing_robinson_secret = NULL;
