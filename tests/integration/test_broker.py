import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from depeche.broker import EmbeddedBroker

pytestmark = pytest.mark.integration


def test_a_record_comes_back_from_the_shared_broker(broker: EmbeddedBroker, fresh_prefix: str) -> None:
    topic = f"{fresh_prefix}.articles"
    admin = KafkaAdminClient(bootstrap_servers=broker.address)
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=broker.address)
    producer.send(topic, key=b"k", value=b"v").get(timeout=30)
    producer.close(timeout=10)
    consumer = KafkaConsumer(
        topic, bootstrap_servers=broker.address, auto_offset_reset="earliest", consumer_timeout_ms=30_000
    )
    record = next(iter(consumer))
    consumer.close()
    assert (record.key, record.value) == (b"k", b"v")
