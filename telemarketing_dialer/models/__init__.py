from . import (
    agent_session,
    campaign,
    dialer,
    dialer_caller,
    dialer_command,
    dialer_list,
    dialer_log,
    dialer_process,
    dialer_server,
    dialer_trunk,
    interaction,
    target,
)
