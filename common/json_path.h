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

/* One step of one or several paths. Its place among the nodes is the number of the path that ends here. */
typedef struct JsonNode
{
	uint64		head;			/* the first bytes of the key, zero behind its end */
	const char *key;
	uint32		length;
	int32		index;			/* the key as the number of an array's element, or -1 */
	int			parent;
	int			child;			/* the first child, or 0 */
	int			sibling;		/* the next child of the same parent, or 0 */
	uint16	   *slots;			/* the children by hash of their keys; NULL: no children */
	int			shift;			/* of the hash */
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

/* The child of a node for a key, or 0; "head" holds the key's first bytes. */
static inline int json_node_child(const JsonPaths *paths, const JsonNode *node, uint64 head,
								  const char *key, uint32 length);

/* Where a key's search begins: the first bytes are nearly always different, and the length nearly always the rest. */
static inline uint32
json_node_hash(uint64 head, uint32 length, int shift)
{
	return ((head ^ length) * UINT64CONST(0x9E3779B97F4A7C15)) >> shift;
}

static inline int
json_node_child(const JsonPaths *paths, const JsonNode *node, uint64 head, const char *key, uint32 length)
{
	uint32		mask = (UINT64CONST(1) << (64 - node->shift)) - 1;

	for (uint32 at = json_node_hash(head, length, node->shift);; at++)
	{
		int			child = node->slots[at & mask];

		if (child == 0)
			return 0;
		if (paths->nodes[child].head == head && paths->nodes[child].length == length &&
			(length <= 8 || memcmp(paths->nodes[child].key, key, length) == 0))
			return child;
	}
}

#pragma GCC visibility pop

#endif							/* MEDALLION_JSON_PATH_H */
