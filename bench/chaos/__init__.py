"""Everything killed, stopped and restarted at random while articles flow, and then: is each accounted for, and right?

    python -m bench.chaos --faults 100 --seed 7 [--workers 2] [--coder fake|standard] [--rate R] [--kinds K[,K…]]

Three brokers (`depeche.broker.EmbeddedCluster`: replication 3, two in-sync replicas needed), one process of connectors
fed by feeds on a loopback server and by a drop folder, and workers, each process under `depeche.supervisor` as
`depeche up` has it, with a shorter back-off. The run:

1. Capacity: a burst of articles through the whole, undisturbed; its rate is printed.
2. Faults, drawn with the printed seed, while articles flow at half of that rate: new ones, corrected ones, killed ones.
3. Quiet: all processes run, and everything that came in has been worked on.
4. The account: `depeche.audit` is complete; each entry that a feed showed and each line of each dropped file is on the
   topic under one article id with its last wording; and the reference agrees.

The reference: the records of `<prefix>.articles` are copied, byte for byte and partition for partition, to another
prefix, and one worker codes them that nothing disturbs. Mentions, outcomes, events and the tables' changelogs must be
the same. (Compared are the last states; what merely tells of the way there, such as seconds waited, is left out.)

Three brokers and one killed during the run: `--kinds broker-kill --faults 1`. The exit status is 0 where all is right,
else 1, and then the folder with the logs of all processes and of the faults is kept.
"""
