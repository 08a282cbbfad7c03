/*
 * admin.c
 *		Topics made, and their settings looked up: the library's admin requests, one at a time.
 */
#include "postgres.h"

#include "fdw_kafka/consumer.h"

#include <unistd.h>

#include "miscadmin.h"

/* How long to wait until brokers know of a topic that was just made. */
#define SETTLE_MS 50

/* A broker that is not there is found out about sooner by a question. */
static void
connect_first(KafkaConsumer *consumer)
{
	if (!consumer->proven)
		pfree(consumer_cluster_id(consumer));
}

/* One request at a time; what belongs to it goes with what the consumer reads, by consumer_close_topic. */
static void
request_begin(KafkaConsumer *consumer, rd_kafka_admin_op_t kind)
{
	uint64		one = 1;
	char		message[256];

	consumer_close_topic(consumer);
	consumer->queue = rd_kafka_queue_new(consumer->handle);
	consumer->request = rd_kafka_AdminOptions_new(consumer->handle, kind);
	rd_kafka_AdminOptions_set_request_timeout(consumer->request, Max(consumer->client->settings.read_timeout, 1000),
											  message, sizeof(message));
	rd_kafka_queue_io_event_enable(consumer->queue, consumer->wakeup, &one, sizeof(one));
}

/* Wait for the answer; ERROR where the request failed as a whole. */
static void
request_wait(KafkaConsumer *consumer, const char *action, const char *topic)
{
	Deadline	deadline = deadline_in(consumer->client->settings.read_timeout);
	LibraryFailure failure = {.action = action, .topic = topic, .partition = -1};
	uint64		count;

	for (;;)
	{
		WaitSocket	wakeup = {consumer->wakeup, WL_SOCKET_READABLE, 0};

		(void) !read(consumer->wakeup, &count, sizeof(count));
		consumer->answer = rd_kafka_queue_poll(consumer->queue, 0);
		if (consumer->answer != NULL)
			break;
		(void) wait_sockets(&wakeup, 1, deadline_cap(deadline, WAIT_SLICE_MS));
		library_listen(consumer->main_queue, &consumer->trouble);
		if (deadline_left(deadline) == 0)
			consumer_give_up(consumer, action, topic, -1, RD_KAFKA_RESP_ERR__TIMED_OUT);
	}
	failure.code = rd_kafka_event_error(consumer->answer);
	failure.reason = rd_kafka_event_error_string(consumer->answer);
	if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR)
		library_raise(consumer->client, &failure);
}

/* A topic that was just made is no use before its partitions have leaders everywhere we ask. */
static void
wait_for_leaders(KafkaConsumer *consumer, const char *topic, int partitions)
{
	Deadline	deadline = deadline_in(consumer->client->settings.connect_timeout);

	while (consumer_leaders(consumer, topic) < partitions && deadline_left(deadline) != 0)
		wait_sleep(SETTLE_MS);
}

/* A new topic as the request takes it. */
static rd_kafka_NewTopic_t *
new_topic(KafkaConsumer *consumer, const char *topic, int partitions, int replication, char **config, int nconfig)
{
	LibraryFailure failure = {.action = "create", .topic = topic, .partition = -1};
	char		message[256];
	rd_kafka_NewTopic_t *result = rd_kafka_NewTopic_new(topic, partitions, replication, message, sizeof(message));

	failure.code = RD_KAFKA_RESP_ERR_INVALID_PARTITIONS;
	failure.reason = message;
	if (result == NULL)
		library_raise(consumer->client, &failure);
	for (int i = 0; i < nconfig; i++)
	{
		if (rd_kafka_NewTopic_set_config(result, config[i * 2], config[i * 2 + 1]) == RD_KAFKA_RESP_ERR_NO_ERROR)
			continue;
		rd_kafka_NewTopic_destroy(result);
		failure.code = RD_KAFKA_RESP_ERR_INVALID_CONFIG;
		failure.reason = NULL;
		library_raise(consumer->client, &failure);
	}
	return result;
}

bool
consumer_create_topic(KafkaConsumer *consumer, const char *topic, int partitions, int replication, char **config,
					  int nconfig)
{
	rd_kafka_NewTopic_t *wanted;
	LibraryFailure failure = {.action = "create", .topic = topic, .partition = -1};
	const rd_kafka_topic_result_t **results;
	size_t		count;

	connect_first(consumer);
	wanted = new_topic(consumer, topic, partitions, replication, config, nconfig);
	request_begin(consumer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_CreateTopics(consumer->handle, &wanted, 1, consumer->request, consumer->queue);
	rd_kafka_NewTopic_destroy(wanted);
	request_wait(consumer, "create", topic);
	results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(consumer->answer), &count);
	failure.code = count > 0 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
	failure.reason = count > 0 ? rd_kafka_topic_result_error_string(results[0]) : NULL;
	if (failure.code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return false;
	if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR)
		library_raise(consumer->client, &failure);
	wait_for_leaders(consumer, topic, partitions);
	return true;
}

/* The setting of that name in an answer, or NULL. */
static const char *
config_value(const rd_kafka_ConfigResource_t *resource, const char *name)
{
	size_t		count;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
			return rd_kafka_ConfigEntry_value(entries[i]);
	return NULL;
}

char *
consumer_topic_config(KafkaConsumer *consumer, const char *topic, const char *name)
{
	rd_kafka_ConfigResource_t *wanted;
	LibraryFailure failure = {.action = "look up the settings of", .topic = topic, .partition = -1};
	const rd_kafka_ConfigResource_t **resources;
	const char *value;
	size_t		count;

	connect_first(consumer);
	wanted = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	if (wanted == NULL)
		consumer_give_up(consumer, failure.action, topic, -1, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
	request_begin(consumer, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_DescribeConfigs(consumer->handle, &wanted, 1, consumer->request, consumer->queue);
	rd_kafka_ConfigResource_destroy(wanted);
	request_wait(consumer, failure.action, topic);
	resources = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(consumer->answer), &count);
	failure.code = count > 0 ? rd_kafka_ConfigResource_error(resources[0]) : RD_KAFKA_RESP_ERR__FAIL;
	failure.reason = count > 0 ? rd_kafka_ConfigResource_error_string(resources[0]) : NULL;
	if (failure.code != RD_KAFKA_RESP_ERR_NO_ERROR)
		library_raise(consumer->client, &failure);
	value = config_value(resources[0], name);
	return value ? pstrdup(library_message(consumer->client, value)) : NULL;
}
