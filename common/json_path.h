/*
 * json_path.h
 *		The fixed set of paths whose values json_scan notes, made once and used for every document.
 *
 * A path is keys joined by dots, such as main.temp; a number steps into an array, such as weather.0.id; a key that
 * holds a dot is quoted, such as "a.b".c. Paths of the same steps share a number.
 */
#ifndef MEDALLION_JSON_PATH_H
#define MEDALLION_JSON_PATH_H

#include "postgres.h"

#include "nodes/pg_list.h"

#pragma GCC visibility push(hidden)

/* The number of the document itself. */
#define JSON_ROOT 0

/* A child in the hash table of its parent. */
typedef struct JsonSlot
{
	uint64		head;			/* the first bytes of the key, zero behind its end */
	uint32		length;			/* of the key */
	int			child;			/* 0: the slot is free */
} JsonSlot;

/* One step of one or several paths. Its place among the nodes is the number of the path that ends here. */
typedef struct JsonNode
{
	const char *key;
	uint32		length;
	int32		index;			/* the key as the number of an array's element, or -1 */
	int			parent;
	int			child;			/* the first child, or 0 */
	int			sibling;		/* the next child of the same parent, or 0 */
	uint64		filter;			/* a bit is set where a child's key may be: most keys of a document meet none */
	JsonSlot   *slots;			/* the children by hash of their keys; NULL: no children */
	uint32		mask;			/* how many slots, minus 1 */
} JsonNode;

typedef struct JsonPaths
{
	JsonNode   *nodes;			/* nodes[JSON_ROOT] is the document */
	int			count;			/* of nodes; json_scan fills in that many spans */
	int			size;
} JsonPaths;

/* An empty set in the current memory context. */
extern JsonPaths *json_paths_create(void);

/* Add a path (ERROR where it is malformed) or the steps of one, a List of char *; returns its number, from 1. */
extern int	json_paths_add(JsonPaths *paths, const char *path);
extern int	json_paths_add_steps(JsonPaths *paths, List *steps);

/* The steps of a path, a List of char *; ERROR where it is malformed. */
extern List *json_path_split(const char *path);

/* Where a key's search begins: the first bytes are nearly always different, and the length nearly always the rest. */
static inline uint32
json_node_hash(uint64 head, uint32 length)
{
	return ((head ^ length) * UINT64CONST(0x9E3779B97F4A7C15)) >> 32;
}

/* The number of the bit in a node's filter for a key; of an empty one the byte behind it counts. */
static inline int
json_node_bit(const char *key, uint32 length)
{
	return ((unsigned char) key[0] + length) & 63;
}

/* The child of a node with children for a key, or 0; "head" holds the key's first bytes. */
static inline int
json_node_child(const JsonPaths *paths, const JsonNode *node, uint64 head, const char *key, uint32 length)
{
	for (uint32 at = json_node_hash(head, length);; at++)
	{
		const JsonSlot *slot = &node->slots[at & node->mask];

		if (slot->child == 0)
			return 0;
		if (slot->head == head && slot->length == length &&
			(length <= sizeof(head) || memcmp(paths->nodes[slot->child].key, key, length) == 0))
			return slot->child;
	}
}

#pragma GCC visibility pop

#endif							/* MEDALLION_JSON_PATH_H */
