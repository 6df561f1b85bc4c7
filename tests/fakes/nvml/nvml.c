/* A stand-in for libnvidia-ml.so.1 that answers what a script tells it, so that tests take the real path through
 * nvidia-ml-py: its structures, its versions, its way to look functions up.
 *
 * The script is the text file named by GPUFLEET_FAKE_NVML. It is read again whenever it changed, at the calls that begin
 * a reading (init, device count) and while a call hangs. One entry per line, `#` begins a comment:
 *
 *     nvmlSystemGetDriverVersion 550.54.15      what is told before the first `gpu` holds for the whole driver
 *     error nvmlInitWithFlags 9                 the function answers with this error code
 *     hang nvmlDeviceGetPowerUsage              the function does not return while the script says so
 *     gpu GPU-11111111-...                      a GPU of this UUID begins; their order is that of the indexes
 *     mig MIG-22222222-...                      a MIG instance of the GPU before it begins (see mig.h)
 *     nvmlDeviceGetPowerUsage 250000            what a function answers, by its exported name;
 *     nvmlDeviceGetMemoryInfo_v2.total 1024     a member of a structure,
 *     nvmlDeviceGetClockInfo[1] 1980            or the answer to one argument
 *     error nvmlDeviceGetFieldValues[82] 3      the error of one field, or of [161.2], that field for link 2
 *     lost                                      every call on this GPU answers GPU_IS_LOST
 *     xid 79                                    this GPU raises an XID now: told once, if it is listened to, else never
 *     nvmlDeviceGetComputeRunningProcesses_v3 12 13:512 14:na 15:8/2     PIDs, MiB (1 if not told), GPU instance
 *     nvmlDeviceGetProcessUtilization 12:55@1000                         PID, percent of SM, time in microseconds
 *
 * The functions that a process calls are added to the file named by GPUFLEET_FAKE_NVML_TRACE, each once, one per line.
 *
 * What is told nothing answers NOT_SUPPORTED. To grow: one short function per function of NVML, by the helpers below.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

#ifndef LIBRARY_VERSION
#define LIBRARY_VERSION "" /* else it works with a kernel module of this version alone, which the script tells as `module` */
#endif

typedef unsigned int nvmlReturn_t;

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    TIMEOUT = 10,
    GPU_IS_LOST = 15,
    LIB_RM_VERSION_MISMATCH = 18,
    ARGUMENT_VERSION_MISMATCH = 25,
};

enum { NAME = 96, TEXT = 1024, MOST_GPUS = 512, MOST_MIGS = 512, MOST_HANDLES = 4096, MOST_ENTRIES = 256 };
enum { MOST_FUNCTIONS = 256 };

/* ---- the script ------------------------------------------------------------------------------------------------- */

typedef struct {
    char *key; /* "nvmlDeviceGetPowerUsage", "error nvmlDeviceGetPowerUsage", "hang ...", "lost" */
    char *text;
    int metric; /* of an activity counter (see gpm.h), else -1 */
} Entry;

typedef struct {
    char uuid[NAME];
    char parent[NAME]; /* of a MIG instance */
    Entry *entries;
    unsigned int hashes[MOST_ENTRIES]; /* of the keys: what is told nothing is found out fast */
    int count;
    unsigned int slot[3]; /* domain, bus and device of nvmlDeviceGetPciInfo_v3 */
    bool located;
    bool troubled; /* has an error, a hang or a loss: else none is looked for */
} Section;

/* A handle stays what it is while the GPU behind it comes, goes or moves. */
typedef struct nvmlDevice_st {
    char uuid[NAME];
    int place; /* where the GPU was found last among all */
} Device;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Section driver;
static Section gpus[MOST_GPUS];
static int gpu_count;
static Section migs[MOST_MIGS];
static int mig_count;
static Device *handles[MOST_HANDLES];
static int handle_count;
static struct stat script_read;
static int sessions;

static void clear(Section *section) {
    for (int i = 0; i < section->count; i++) free(section->entries[i].key), free(section->entries[i].text);
    free(section->entries);
    memset(section, 0, sizeof *section);
}

static unsigned int hash_on(unsigned int hash, const char *key) {
    while (*key) hash = (hash ^ (unsigned char)*key++) * 16777619u;
    return hash;
}

static unsigned int hash_of(const char *key) {
    return hash_on(2166136261u, key);
}

static bool read_slot(const char *text, unsigned int slot[3]) {
    return sscanf(text, "%x:%x:%x", &slot[0], &slot[1], &slot[2]) == 3;
}

static void add(Section *section, const char *key, const char *text) {
    if (section->count == MOST_ENTRIES) abort();
    section->entries = realloc(section->entries, sizeof(Entry) * (size_t)(section->count + 1));
    section->hashes[section->count] = hash_of(key);
    section->troubled |= !strncmp(key, "error ", 6) || !strncmp(key, "hang ", 5) || !strcmp(key, "lost");
    if (!strcmp(key, "nvmlDeviceGetPciInfo_v3")) section->located = read_slot(text, section->slot);
    int metric = -1;
    sscanf(key, "nvmlGpmSampleGet[%d]", &metric);
    section->entries[section->count++] = (Entry){strdup(key), strdup(text), metric};
}

static char *word(char **rest) {
    while (**rest == ' ') (*rest)++;
    char *start = *rest;
    while (**rest && **rest != ' ') (*rest)++;
    if (**rest) *(*rest)++ = 0;
    return start;
}

static void read_line(char *line, Section **section) {
    line[strcspn(line, "\n#")] = 0;
    char *rest = line;
    char *first = word(&rest);
    if (!*first) return;
    if (!strcmp(first, "gpu")) {
        if (gpu_count == MOST_GPUS) abort();
        *section = &gpus[gpu_count++];
        snprintf((*section)->uuid, sizeof(*section)->uuid, "%.90s", word(&rest));
    } else if (!strcmp(first, "mig")) {
        if (mig_count == MOST_MIGS || !gpu_count) abort();
        *section = &migs[mig_count++];
        snprintf((*section)->uuid, sizeof(*section)->uuid, "%.90s", word(&rest));
        snprintf((*section)->parent, sizeof(*section)->parent, "%s", gpus[gpu_count - 1].uuid);
    } else if (!strcmp(first, "error") || !strcmp(first, "hang")) {
        char key[NAME];
        snprintf(key, sizeof key, "%s %.80s", first, word(&rest));
        add(*section, key, rest);
    } else {
        add(*section, first, rest);
    }
}

static void raise_xids(void), forget_set(void);

static void read_script(void) {
    const char *path = getenv("GPUFLEET_FAKE_NVML");
    struct stat now;
    if (!path || stat(path, &now)) return;
    bool same = now.st_mtim.tv_sec == script_read.st_mtim.tv_sec && now.st_mtim.tv_nsec == script_read.st_mtim.tv_nsec &&
                now.st_ino == script_read.st_ino && now.st_size == script_read.st_size;
    FILE *file = same ? NULL : fopen(path, "r");
    if (!file) return;
    script_read = now;
    clear(&driver);
    while (gpu_count) clear(&gpus[--gpu_count]);
    while (mig_count) clear(&migs[--mig_count]);
    Section *section = &driver;
    char line[TEXT + NAME];
    while (fgets(line, sizeof line, file)) read_line(line, &section);
    fclose(file);
    raise_xids();
}

static const char *find(const Section *section, const char *key) {
    unsigned int hash = hash_of(key);
    for (int i = 0; section && i < section->count; i++)
        if (section->hashes[i] == hash && !strcmp(section->entries[i].key, key)) return section->entries[i].text;
    return NULL;
}

static bool begins_with(const char **key, const char *part) {
    size_t length = strlen(part);
    if (strncmp(*key, part, length)) return false;
    *key += length;
    return true;
}

/* The same for a key in three parts. */
static const char *find_joined(const Section *section, const char *prefix, const char *function, const char *suffix) {
    unsigned int hash = hash_on(hash_on(hash_of(prefix), function), suffix);
    for (int i = 0; section && i < section->count; i++) {
        if (section->hashes[i] != hash) continue;
        const char *key = section->entries[i].key;
        if (begins_with(&key, prefix) && begins_with(&key, function) && !strcmp(key, suffix)) return section->entries[i].text;
    }
    return NULL;
}

static Section *section_of(const Device *device) {
    if (device->place < gpu_count && !strcmp(gpus[device->place].uuid, device->uuid)) return &gpus[device->place];
    for (int i = 0; i < gpu_count; i++)
        if (!strcmp(gpus[i].uuid, device->uuid)) return &gpus[((Device *)device)->place = i];
    for (int i = 0; i < mig_count; i++)
        if (!strcmp(migs[i].uuid, device->uuid)) return &migs[i];
    return NULL;
}

/* What a call on this GPU or instance answers because of what has become of it. Call it with the lock held. */
static nvmlReturn_t fate_of(const Device *device) {
    Section *section = section_of(device);
    if (!section) return strncmp(device->uuid, "MIG-", 4) ? GPU_IS_LOST : INVALID_ARGUMENT;
    if (section->troubled && find(section, "lost")) return GPU_IS_LOST;
    for (int i = 0; *section->parent && i < gpu_count; i++)
        if (!strcmp(gpus[i].uuid, section->parent) && find(&gpus[i], "lost")) return GPU_IS_LOST;
    return SUCCESS;
}

/* ---- helpers: each takes the lock once, and copies out what the script says ------------------------------------- */

/* What the script tells for "prefix function suffix" of this GPU, or of the whole driver where `device` is NULL. A prefix
 * is that of an error or of a hang. */
static bool told(const Device *device, const char *prefix, const char *function, const char *suffix, char *out) {
    pthread_mutex_lock(&lock);
    const Section *section = device ? section_of(device) : &driver;
    bool none = !section || (*prefix && !section->troubled);
    const char *text = none ? NULL : find_joined(section, prefix, function, suffix);
    if (text && out) snprintf(out, TEXT, "%s", text);
    pthread_mutex_unlock(&lock);
    return text != NULL;
}

static void reread(void) {
    pthread_mutex_lock(&lock);
    read_script();
    pthread_mutex_unlock(&lock);
}

static void trace(const char *function) {
    static const char *traced[MOST_FUNCTIONS], *path;
    static bool asked;
    int known = 0;
    if (!asked) path = getenv("GPUFLEET_FAKE_NVML_TRACE"), asked = true;
    if (!path) return;
    pthread_mutex_lock(&lock);
    while (known < MOST_FUNCTIONS && traced[known] && strcmp(traced[known], function)) known++;
    FILE *file = known < MOST_FUNCTIONS && !traced[known] ? fopen(path, "a") : NULL;
    if (file) {
        traced[known] = function;
        fprintf(file, "%s\n", function);
        fclose(file);
    }
    pthread_mutex_unlock(&lock);
}

static bool fits_the_module(void) {
    char version[TEXT];
    return !*LIBRARY_VERSION || (told(NULL, "", "module", "", version) && !strcmp(version, LIBRARY_VERSION));
}

static void wait_while_hanging(const Device *device, const char *function) {
    while (told(device, "hang ", function, "", NULL)) {
        usleep(5000);
        reread();
    }
}

/* What the function answers before anything else is looked at: hangs, errors and lost GPUs. */
static nvmlReturn_t begin(const Device *device, const char *function) {
    char code[TEXT];
    trace(function);
    wait_while_hanging(device, function);
    if (!fits_the_module()) return LIB_RM_VERSION_MISMATCH;
    if (!sessions) return UNINITIALIZED;
    if (told(device, "error ", function, "", code)) return (nvmlReturn_t)atoi(code);
    if (!device) return SUCCESS;
    pthread_mutex_lock(&lock);
    nvmlReturn_t fate = fate_of(device);
    pthread_mutex_unlock(&lock);
    return fate;
}

static nvmlReturn_t number(const Device *device, const char *function, const char *suffix, unsigned long long *out) {
    pthread_mutex_lock(&lock);
    const char *text = find_joined(device ? section_of(device) : &driver, "", function, suffix);
    if (text) *out = strtoull(text, NULL, 0);
    pthread_mutex_unlock(&lock);
    return text ? SUCCESS : NOT_SUPPORTED;
}

static nvmlReturn_t answer_unsigned(const Device *device, const char *function, const char *suffix, unsigned int *out) {
    if (!device || !out) return INVALID_ARGUMENT;
    unsigned long long value = 0;
    nvmlReturn_t code = begin(device, function);
    if (!code) code = number(device, function, suffix, &value);
    if (!code) *out = (unsigned int)value;
    return code;
}

static nvmlReturn_t answer_long(const Device *device, const char *function, unsigned long long *out) {
    if (!device || !out) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(device, function);
    return code ? code : number(device, function, "", out);
}

static nvmlReturn_t answer_text(const Device *device, const char *function, char *out, unsigned int length) {
    char text[TEXT];
    if (!out) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(device, function);
    if (code) return code;
    if (!told(device, "", function, "", text)) return NOT_SUPPORTED;
    if (strlen(text) >= length) return INSUFFICIENT_SIZE;
    strcpy(out, text);
    return SUCCESS;
}

/* ---- the driver ------------------------------------------------------------------------------------------------- */

EXPORT nvmlReturn_t nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    if (!getenv("GPUFLEET_FAKE_NVML")) return DRIVER_NOT_LOADED;
    reread();
    sessions++;
    nvmlReturn_t code = begin(NULL, __func__);
    if (code) sessions--;
    return code;
}

EXPORT nvmlReturn_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

EXPORT nvmlReturn_t nvmlShutdown(void) {
    nvmlReturn_t code = begin(NULL, __func__);
    if (!code && !--sessions) forget_set();
    return code;
}

EXPORT const char *nvmlErrorString(nvmlReturn_t code) {
    static const char *const texts[] = {
        "Success", "Uninitialized", "Invalid Argument", "Not Supported", "Insufficient Permissions",
        "Already Initialized", "Not Found", "Insufficient Size", "Insufficient External Power", "Driver Not Loaded",
        "Timeout", "Interrupt Request Issue", "NVML Shared Library Not Found", "Function Not Found",
        "Corrupted infoROM", "GPU is lost", "GPU requires reset", "The operating system has blocked the request",
        "Driver/library version mismatch",
    };
    return code < sizeof texts / sizeof *texts ? texts[code] : "Unknown Error";
}

EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *out, unsigned int length) {
    return answer_text(NULL, __func__, out, length);
}

EXPORT nvmlReturn_t nvmlSystemGetNVMLVersion(char *out, unsigned int length) {
    if (*LIBRARY_VERSION && length > sizeof LIBRARY_VERSION) return strcpy(out, LIBRARY_VERSION), begin(NULL, __func__);
    return answer_text(NULL, __func__, out, length);
}

EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
    if (!count) return INVALID_ARGUMENT;
    reread();
    nvmlReturn_t code = begin(NULL, __func__);
    if (!code) *count = (unsigned int)gpu_count;
    return code;
}

static Device *handle_of(const char *uuid) {
    for (int i = 0; i < handle_count; i++)
        if (!strcmp(handles[i]->uuid, uuid)) return handles[i];
    if (handle_count == MOST_HANDLES) abort();
    Device *device = calloc(1, sizeof *device);
    snprintf(device->uuid, sizeof device->uuid, "%s", uuid);
    return handles[handle_count++] = device;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, Device **out) {
    char code[TEXT];
    if (!out) return INVALID_ARGUMENT;
    nvmlReturn_t failed = begin(NULL, __func__);
    if (failed) return failed;
    pthread_mutex_lock(&lock);
    Device *device = index < (unsigned int)gpu_count ? handle_of(gpus[index].uuid) : NULL;
    pthread_mutex_unlock(&lock);
    if (!device) return INVALID_ARGUMENT;
    wait_while_hanging(device, __func__);
    if (told(device, "error ", __func__, "", code)) return (nvmlReturn_t)atoi(code);
    *out = device;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *address, Device **out) {
    unsigned int wanted[3] = {0};
    char code[TEXT];
    if (!address || !out || !read_slot(address, wanted)) return INVALID_ARGUMENT;
    nvmlReturn_t failed = begin(NULL, __func__);
    if (failed) return failed;
    Device *device = NULL;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < gpu_count && !device; i++)
        if (gpus[i].located && !memcmp(gpus[i].slot, wanted, sizeof wanted)) device = handle_of(gpus[i].uuid);
    pthread_mutex_unlock(&lock);
    if (!device) return NOT_FOUND;
    wait_while_hanging(device, __func__);
    if (told(device, "error ", __func__, "", code)) return (nvmlReturn_t)atoi(code);
    *out = device;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetIndex(const Device *device, unsigned int *out) {
    if (!device || !out) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(device, __func__);
    if (code) return code;
    pthread_mutex_lock(&lock);
    *out = (unsigned int)(section_of(device) - gpus);
    pthread_mutex_unlock(&lock);
    return SUCCESS;
}

/* ---- who a GPU is ----------------------------------------------------------------------------------------------- */

EXPORT nvmlReturn_t nvmlDeviceGetUUID(const Device *device, char *out, unsigned int length) {
    char code[TEXT];
    trace(__func__);
    if (!sessions) return UNINITIALIZED;
    if (!device || !out) return INVALID_ARGUMENT;
    wait_while_hanging(device, __func__);
    if (told(device, "error ", __func__, "", code)) return (nvmlReturn_t)atoi(code);
    if (strlen(device->uuid) >= length) return INSUFFICIENT_SIZE;
    strcpy(out, device->uuid); /* the library remembers it: a lost GPU still has one */
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetName(const Device *device, char *out, unsigned int length) {
    return device ? answer_text(device, __func__, out, length) : INVALID_ARGUMENT;
}

EXPORT nvmlReturn_t nvmlDeviceGetSerial(const Device *device, char *out, unsigned int length) {
    return device ? answer_text(device, __func__, out, length) : INVALID_ARGUMENT;
}

EXPORT nvmlReturn_t nvmlDeviceGetVbiosVersion(const Device *device, char *out, unsigned int length) {
    return device ? answer_text(device, __func__, out, length) : INVALID_ARGUMENT;
}

typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} PciInfo;

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(const Device *device, PciInfo *out) {
    if (!device || !out) return INVALID_ARGUMENT;
    memset(out, 0, sizeof *out);
    nvmlReturn_t code = answer_text(device, __func__, out->busId, sizeof out->busId);
    if (!code) sscanf(out->busId, "%x:%x:%x.0", &out->domain, &out->bus, &out->device);
    return code;
}

/* ---- core metrics ----------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned int version, sensor;
    int temperature;
} Temperature;

EXPORT nvmlReturn_t nvmlDeviceGetTemperatureV(const Device *device, Temperature *out) {
    if (!device || !out) return INVALID_ARGUMENT;
    if (out->version != (sizeof *out | 1u << 24)) return ARGUMENT_VERSION_MISMATCH;
    return answer_unsigned(device, __func__, "", (unsigned int *)&out->temperature);
}

EXPORT nvmlReturn_t nvmlDeviceGetTemperature(const Device *device, unsigned int sensor, unsigned int *celsius) {
    return sensor ? INVALID_ARGUMENT : answer_unsigned(device, __func__, "", celsius);
}

typedef struct {
    unsigned long long total, free, used;
} Memory;

typedef struct {
    unsigned int version;
    unsigned long long total, reserved, free, used;
} MemoryV2;

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo(const Device *device, Memory *out) {
    if (!device || !out) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(device, __func__);
    if (!code) code = number(device, __func__, ".total", &out->total);
    if (!code) code = number(device, __func__, ".used", &out->used);
    if (!code) out->free = out->total - out->used;
    return code;
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(const Device *device, MemoryV2 *out) {
    if (!device || !out) return INVALID_ARGUMENT;
    if (out->version != (sizeof *out | 2u << 24)) return ARGUMENT_VERSION_MISMATCH;
    nvmlReturn_t code = begin(device, __func__);
    if (!code) code = number(device, __func__, ".total", &out->total);
    if (!code) code = number(device, __func__, ".used", &out->used);
    if (!code) code = number(device, __func__, ".reserved", &out->reserved);
    if (!code) out->free = out->total - out->used - out->reserved;
    return code;
}

typedef struct {
    unsigned int gpu, memory;
} Utilization;

EXPORT nvmlReturn_t nvmlDeviceGetUtilizationRates(const Device *device, Utilization *out) {
    if (!out) return INVALID_ARGUMENT;
    nvmlReturn_t code = answer_unsigned(device, __func__, ".gpu", &out->gpu);
    return code ? code : answer_unsigned(device, __func__, ".memory", &out->memory);
}

static nvmlReturn_t answer_codec(const Device *device, const char *function, unsigned int *percent, unsigned int *period) {
    if (!period) return INVALID_ARGUMENT;
    *period = 167000;
    return answer_unsigned(device, function, "", percent);
}

EXPORT nvmlReturn_t nvmlDeviceGetEncoderUtilization(const Device *device, unsigned int *percent, unsigned int *period) {
    return answer_codec(device, __func__, percent, period);
}

EXPORT nvmlReturn_t nvmlDeviceGetDecoderUtilization(const Device *device, unsigned int *percent, unsigned int *period) {
    return answer_codec(device, __func__, percent, period);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerUsage(const Device *device, unsigned int *milliwatts) {
    return answer_unsigned(device, __func__, "", milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementLimit(const Device *device, unsigned int *milliwatts) {
    return answer_unsigned(device, __func__, "", milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(const Device *device, unsigned int *milliwatts) {
    return answer_unsigned(device, __func__, "", milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(const Device *device, unsigned long long *millijoules) {
    return answer_long(device, __func__, millijoules);
}

EXPORT nvmlReturn_t nvmlDeviceGetClockInfo(const Device *device, unsigned int clock, unsigned int *mhz) {
    char suffix[16];
    snprintf(suffix, sizeof suffix, "[%u]", clock);
    nvmlReturn_t code = device ? begin(device, __func__) : (nvmlReturn_t)INVALID_ARGUMENT;
    char scripted[TEXT];
    if (!code && told(device, "error nvmlDeviceGetClockInfo", suffix, "", scripted)) code = (nvmlReturn_t)atoi(scripted);
    return code ? code : answer_unsigned(device, __func__, suffix, mhz);
}

EXPORT nvmlReturn_t nvmlDeviceGetFanSpeed(const Device *device, unsigned int *percent) {
    return answer_unsigned(device, __func__, "", percent);
}

EXPORT nvmlReturn_t nvmlDeviceGetPerformanceState(const Device *device, unsigned int *state) {
    return answer_unsigned(device, __func__, "", state);
}

EXPORT nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(const Device *device, unsigned long long *bits) {
    return answer_long(device, __func__, bits);
}

EXPORT nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(const Device *device, unsigned long long *bits) {
    return answer_long(device, __func__, bits);
}

/* ---- fields: each has its own return code ----------------------------------------------------------------------- */

typedef struct {
    unsigned int fieldId, scopeId;
    long long timestamp, latencyUsec;
    unsigned int valueType, nvmlReturn;
    union {
        double real;
        unsigned int number;
        unsigned long long wide;
    } value;
} FieldValue;

static void answer_field(const Device *device, FieldValue *field) {
    char suffix[32], code[TEXT];
    unsigned long long value = 0;
    snprintf(suffix, sizeof suffix, field->scopeId ? "[%u.%u]" : "[%u]", field->fieldId, field->scopeId);
    field->value.wide = 0;
    if (told(device, "error nvmlDeviceGetFieldValues", suffix, "", code)) {
        field->nvmlReturn = (nvmlReturn_t)atoi(code);
        return;
    }
    field->nvmlReturn = number(device, "nvmlDeviceGetFieldValues", suffix, &value);
    field->valueType = value >> 32 ? 3 : 1; /* unsigned long long, unsigned int */
    field->value.wide = value;
}

EXPORT nvmlReturn_t nvmlDeviceGetFieldValues(const Device *device, int count, FieldValue *fields) {
    if (!device || !fields || count < 1) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(device, __func__);
    for (int i = 0; !code && i < count; i++) answer_field(device, &fields[i]);
    return code;
}

/* ---- processes: a list of process ids --------------------------------------------------------------------------- */

typedef struct {
    unsigned int pid;
    unsigned long long usedGpuMemory;
    unsigned int gpuInstanceId, computeInstanceId;
} Process;

static Process process_of(const char *entry) {
    const char *memory = strchr(entry, ':'), *instance = strchr(entry, '/');
    unsigned long long bytes = 1 << 20;
    if (memory) bytes = strncmp(memory, ":na", 3) ? strtoull(memory + 1, NULL, 10) << 20 : ~0ULL;
    unsigned int in = instance ? (unsigned int)strtoul(instance + 1, NULL, 10) : 0xFFFFFFFF;
    return (Process){(unsigned int)strtoul(entry, NULL, 10), bytes, in, in == 0xFFFFFFFF ? in : 0};
}

static nvmlReturn_t answer_processes(const Device *device, const char *function, unsigned int *count, Process *out) {
    char text[TEXT];
    if (!device || !count) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(device, function);
    if (code) return code;
    if (!told(device, "", function, "", text)) return NOT_SUPPORTED;
    unsigned int room = *count, found = 0;
    char *rest = text;
    for (char *entry = word(&rest); *entry; entry = word(&rest), found++)
        if (out && found < room) out[found] = process_of(entry);
    *count = found;
    return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(const Device *device, unsigned int *count, Process *out) {
    return answer_processes(device, __func__, count, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(const Device *device, unsigned int *count, Process *out) {
    return answer_processes(device, __func__, count, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v2(const Device *device, unsigned int *count, Process *out) {
    return answer_processes(device, __func__, count, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(const Device *device, unsigned int *count, Process *out) {
    return answer_processes(device, __func__, count, out);
}

typedef struct {
    unsigned int pid;
    unsigned long long timeStamp;
    unsigned int smUtil, memUtil, encUtil, decUtil;
} ProcessSample;

EXPORT nvmlReturn_t nvmlDeviceGetProcessUtilization(const Device *device, ProcessSample *out, unsigned int *count,
                                                    unsigned long long since) {
    char text[TEXT];
    if (!device || !count) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(device, __func__);
    if (code) return code;
    if (!told(device, "", __func__, "", text)) return NOT_SUPPORTED;
    unsigned int room = *count, found = 0;
    char *rest = text;
    for (char *entry = word(&rest); *entry; entry = word(&rest)) {
        ProcessSample sample = {0};
        if (sscanf(entry, "%u:%u@%llu", &sample.pid, &sample.smUtil, &sample.timeStamp) != 3) abort();
        if (sample.timeStamp <= since) continue;
        if (out && found < room) out[found] = sample;
        found++;
    }
    *count = found;
    if (!found) return NOT_FOUND;
    return !out || found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

/* ---- events: what happens before a GPU is listened to is never told ---------------------------------------------- */

enum { XID_CRITICAL_ERROR = 8, MOST_EVENTS = 4096 };

typedef struct {
    Device *device;
    unsigned long long type, data;
    unsigned int gpuInstanceId, computeInstanceId;
} Event;

static struct {
    bool open;
    int listening, waiting;
    Device *devices[MOST_GPUS];
    Event events[MOST_EVENTS];
} set;

static void raise_xids(void) {
    for (int i = 0; set.open && i < set.listening; i++) {
        Section *section = section_of(set.devices[i]);
        for (int j = 0; section && j < section->count; j++) {
            if (strcmp(section->entries[j].key, "xid") || set.waiting == MOST_EVENTS) continue;
            unsigned long long code = strtoull(section->entries[j].text, NULL, 10);
            set.events[set.waiting++] = (Event){set.devices[i], XID_CRITICAL_ERROR, code, 0xFFFFFFFF, 0xFFFFFFFF};
        }
    }
}

static void forget_set(void) {
    set.open = false;
    set.listening = set.waiting = 0;
}

EXPORT nvmlReturn_t nvmlEventSetCreate(void **out) {
    nvmlReturn_t code = begin(NULL, __func__);
    if (code) return code;
    if (set.open) abort(); /* one at a time: the last one was not given back */
    set.open = true;
    *out = &set;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlEventSetFree(void *which) {
    nvmlReturn_t code = begin(NULL, __func__);
    if (code) return code;
    if (which != &set || !set.open) return INVALID_ARGUMENT;
    forget_set();
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetSupportedEventTypes(const Device *device, unsigned long long *out) {
    return answer_long(device, __func__, out);
}

EXPORT nvmlReturn_t nvmlDeviceRegisterEvents(Device *device, unsigned long long types, void *which) {
    if (!device || which != &set || !set.open || types != XID_CRITICAL_ERROR) return INVALID_ARGUMENT;
    nvmlReturn_t code = begin(device, __func__);
    if (code) return code;
    for (int i = 0; i < set.listening; i++)
        if (set.devices[i] == device) return SUCCESS;
    if (set.listening < MOST_GPUS) set.devices[set.listening++] = device;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlEventSetWait_v2(void *which, Event *out, unsigned int milliseconds) {
    if (which != &set || !set.open || !out) return INVALID_ARGUMENT;
    if (milliseconds) abort(); /* a tick never waits */
    nvmlReturn_t code = begin(NULL, __func__);
    if (code) return code;
    if (set.waiting) {
        *out = set.events[0];
        memmove(set.events, set.events + 1, sizeof(Event) * (size_t)--set.waiting);
        return SUCCESS;
    }
    for (int i = 0; i < set.listening; i++)
        if (!section_of(set.devices[i]) || find(section_of(set.devices[i]), "lost")) return GPU_IS_LOST;
    return TIMEOUT;
}

/* ---- parts of their own ----------------------------------------------------------------------------------------- */

#include "slow_tier.h"

#include "mig.h"

#include "gpm.h"
