"""When a job that may wait enters the batch lane, and when it leaves it again.

Before its deadline there is time for the normal way: at `RETURN` its batch is cancelled, which
providers take up to ten minutes for; at `LEAVE` it goes on in any case; at `LEASE` the sweeper
takes it from whoever should have done that.
"""

from datetime import timedelta

GATHER = timedelta(minutes=1)  # jobs that come within this go together
PATIENCE = timedelta(minutes=10)  # not gathered by then: the normal way
WORTH = timedelta(hours=2)  # less time than this is not worth the lane
RETURN = timedelta(minutes=30)
LEAVE = timedelta(minutes=16)
LEASE = timedelta(minutes=15)

TAKEN = timedelta(minutes=5)  # from its claim a job must be in a batch by then
LOOK = timedelta(seconds=30)  # between looks at a batch
OWNED = timedelta(minutes=4)  # of silence, after which a batch is somebody else's to look after
SETTLED = timedelta(minutes=2)  # by then a batch that was created stands in its provider's list
GIVE_UP = timedelta(days=2)  # nobody will tell any more what became of a batch
