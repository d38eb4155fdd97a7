-- A restored copy dials nobody: no process finds an Asterisk, none knows its secret.
UPDATE telemarketing_dialer_server
   SET active = false, secret = NULL, owner = NULL, owned_until = NULL,
       health = NULL, health_at = NULL;
DELETE FROM telemarketing_dialer_command;
DELETE FROM telemarketing_dialer_process;
UPDATE telemarketing_agent_session SET phone_wanted = false, phone_state = 'none';
UPDATE telemarketing_target
   SET dialer_server_id = NULL, state = 'ready', interaction_id = NULL
 WHERE dialer_server_id IS NOT NULL;
UPDATE telemarketing_campaign SET dialing_mode = 'manual', auto_next = false
 WHERE dialing_mode IN ('progressive', 'predictive');
