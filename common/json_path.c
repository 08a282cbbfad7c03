/*
 * json_path.c
 *		Paths into JSON documents, and the tree of keys that a set of them forms. Documents are json_scan.c's.
 */
#include "postgres.h"

#include "common/json_path.h"

/* Enough for every column of a table, however deep. */
#define MAX_NODES 65535

static void
reject_path(const char *path)
{
	ereport(ERROR,
			errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			errmsg("invalid value for option \"path\": \"%s\"", path),
			errhint("It is made of keys joined by dots; a key that holds a dot stands in double quotes."));
}

/* The next key of a path, palloc'd; moves *at behind it and its dot. */
static char *
path_step(const char *path, const char **at)
{
	const char *begin = *at;
	const char *end;
	char	   *key;

	if (*begin == '"')
	{
		end = strchr(begin + 1, '"');
		if (end == NULL)
			reject_path(path);
		key = pnstrdup(begin + 1, end - begin - 1);
		end++;
	}
	else
	{
		end = begin + strcspn(begin, ".");
		key = pnstrdup(begin, end - begin);
	}
	if (end == begin || (*end != '.' && *end != '\0') || (*end == '.' && end[1] == '\0'))
		reject_path(path);
	*at = *end == '.' ? end + 1 : end;
	return key;
}

List *
json_path_split(const char *path)
{
	const char *at = path;
	List	   *steps = NIL;

	do
		steps = lappend(steps, path_step(path, &at));
	while (*at != '\0');
	return steps;
}

JsonPaths *
json_paths_create(void)
{
	JsonPaths  *paths = palloc(sizeof(JsonPaths));

	paths->size = 16;
	paths->count = 1;
	paths->nodes = palloc0(sizeof(JsonNode) * paths->size);
	return paths;
}

/* The number that an array's element has under that key, or -1. */
static int
key_index(const char *key)
{
	int64		index = 0;

	if (*key == '\0' || (*key == '0' && key[1] != '\0'))
		return -1;
	for (; *key != '\0'; key++)
	{
		if (*key < '0' || *key > '9')
			return -1;
		index = index * 10 + *key - '0';
		if (index > PG_INT32_MAX)
			return -1;
	}
	return index;
}

/* Slots for the children of a node, three in four of them free: a search always ends at a free one. */
static void
node_hash_children(JsonPaths *paths, int parent)
{
	JsonNode   *node = &paths->nodes[parent];
	int			children = 0;
	uint32		size = 4;

	for (int child = node->child; child != 0; child = paths->nodes[child].sibling)
		children++;
	while (size < 4 * children)
		size *= 2;
	if (node->slots != NULL)
		pfree(node->slots);
	node->slots = palloc0(sizeof(JsonSlot) * size);
	node->mask = size - 1;
	node->filter = 0;
	for (int child = node->child; child != 0; child = paths->nodes[child].sibling)
	{
		JsonSlot	slot = {0, paths->nodes[child].length, child};
		uint32		at;

		memcpy(&slot.head, paths->nodes[child].key, Min(slot.length, sizeof(slot.head)));
		at = json_node_hash(slot.head, slot.length);
		while (node->slots[at & node->mask].child != 0)
			at++;
		node->slots[at & node->mask] = slot;
		/* In a document a quote stands behind an empty key: who has such a child is always asked. */
		if (slot.length == 0)
			node->filter = ~UINT64CONST(0);
		else
			node->filter |= UINT64CONST(1) << json_node_bit(paths->nodes[child].key, slot.length);
	}
}

static int
node_add(JsonPaths *paths, int parent, char *key)
{
	JsonNode   *node;

	if (paths->count == MAX_NODES)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("too many paths into JSON documents"));
	if (paths->count == paths->size)
	{
		paths->nodes = repalloc(paths->nodes, sizeof(JsonNode) * paths->size * 2);
		memset(paths->nodes + paths->size, 0, sizeof(JsonNode) * paths->size);
		paths->size *= 2;
	}
	node = &paths->nodes[paths->count];
	node->key = key;
	node->length = strlen(key);
	node->index = key_index(key);
	node->parent = parent;
	node->sibling = paths->nodes[parent].child;
	paths->nodes[parent].child = paths->count;
	node_hash_children(paths, parent);
	return paths->count++;
}

static int
node_find(const JsonPaths *paths, int parent, const char *key)
{
	for (int child = paths->nodes[parent].child; child != 0; child = paths->nodes[child].sibling)
		if (strcmp(paths->nodes[child].key, key) == 0)
			return child;
	return 0;
}

int
json_paths_add_steps(JsonPaths *paths, List *steps)
{
	int			node = JSON_ROOT;
	ListCell   *lc;

	foreach(lc, steps)
	{
		int			child = node_find(paths, node, lfirst(lc));

		node = child != 0 ? child : node_add(paths, node, pstrdup(lfirst(lc)));
	}
	return node;
}

int
json_paths_add(JsonPaths *paths, const char *path)
{
	List	   *steps = json_path_split(path);
	int			number = json_paths_add_steps(paths, steps);

	list_free_deep(steps);
	return number;
}
