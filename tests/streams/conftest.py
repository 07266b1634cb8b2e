"""Property tests here don't judge how long an example takes: a busy machine is no fault of the code's."""

from hypothesis import HealthCheck, settings

settings.register_profile("no deadline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no deadline")
