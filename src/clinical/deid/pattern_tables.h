#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "base/types.h"
#include "clinical/deid/check_digits.h"

/// The patterns of find_patterns as data. `\K` begins the match: what stands before it is context.
/// Every repetition has a bound.
namespace medlar::clinical {

enum class Check { optional, required };

struct PatternRule {
  std::string_view label;
  std::string_view name;
  float score;  ///< without a check digit that holds
  std::string_view evidence;
  std::string_view pattern;
  bool (*check)(std::string_view) = nullptr;
  Check need = Check::optional;
};

/// Parts of patterns, replaced in this order.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 8> pattern_macros = {{
    {"<id>",
     R"re(<is>\K#?(?=(?:[A-Za-z/-]{0,8}[0-9]){3})[A-Za-z0-9](?:[A-Za-z0-9]|[/-](?=[A-Za-z0-9])){2,30}(?! ?(?:mg|mcg|ml|mmol|units|%|/[0-9])))re"},
    {"<is>",
     R"re((?!\p{L})[\s:#=.,()"]{0,4}(?:(?:is|was|of|number|num|no|nr|id|card|code)\b[\s:#=.]{0,3}){0,3})re"},
    {"<b>", R"re((?<![\p{L}0-9_]))re"},
    {"<e>", R"re((?![\p{L}0-9_]))re"},
    {"<year>",
     R"re((?:,?[ ]{1,2}(?:of )?(?:(?:19|20)[0-9]{2}(?![0-9])|['’][0-9]{2}(?![0-9])))?)re"},
    {"<time>",
     R"re((?:,?[ T]{1,2}(?:at )?[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?(?: ?[AaPp]\.?[Mm]\b\.?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?)re"},
    {"<Month>",
     R"re((?:J(?:an(?:uary)?|AN(?:UARY)?|u(?:ne?|ly?)|U(?:NE?|LY?))|F(?:eb(?:ruary)?|EB(?:RUARY)?)|M(?:ar(?:ch)?|AR(?:CH)?|ay|AY)|A(?:pr(?:il)?|PR(?:IL)?|ug(?:ust)?|UG(?:UST)?)|S(?:ept?(?:ember)?|EPT?(?:EMBER)?)|O(?:ct(?:ober)?|CT(?:OBER)?)|N(?:ov(?:ember)?|OV(?:EMBER)?)|D(?:ec(?:ember)?|EC(?:EMBER)?)|(?:january|february|april|june|july|august|september|october|november|december|march|sept|aug|nov|jan|feb|oct))\b\.?)re"},
    {"<th>", R"re((?:st|nd|rd|th|ST|ND|RD|TH)?)re"},
}};

inline constexpr PatternRule pattern_rules[] =
    {
        // 3 dates
        {"DATE", "date-month-day", 0.95F, "month and day",
         R"re(<b><Month>[ -]{1,3}(?:the )?[0-3]?[0-9]<th>(?![0-9/]|\.[0-9])<year>(?:(?<=[0-9])[-][0-9]{2,4})?<time>)re"},
        {"DATE", "date-day-month", 0.95F, "day and month",
         R"re(<b>[0-3]?[0-9]<th>[ -]{1,2}(?:day )?(?:of )?<Month>(?:-[0-9]{2,4}|<year>)<time><e>)re"},
        {"DATE", "date-joined", 0.95F, "day, month and year",
         R"re((?i)<b>[0-3]?[0-9]([-/. ]?)(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\1(?:19|20)[0-9]{2}<e>)re"},
        {"DATE", "date-month-year", 0.95F, "month and year",
         R"re(<b><Month>(?:,? (?:of )?|[-/])(?:19|20)[0-9]{2}<e>)re"},
        {"DATE", "date-month-short-year", 0.85F, "month and year",
         R"re(<b><Month> ['’][0-9]{2}(?![0-9]))re"},
        {"DATE", "date-small-letters", 0.85F, "month, day and year",
         R"re(<b>(?:may|mar|jun|jul|dec)\.? [0-3]?[0-9],? (?:19|20)[0-9]{2}<e>)re"},
        {"DATE", "date-iso", 0.98F, "year, month and day",
         R"re(<b>(?:1[89]|20)[0-9]{2}([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])<time><e>)re"},
        {"DATE", "date-numbers", 0.95F, "three numbers of a date",
         R"re((?<![0-9/.-])(?:0?[1-9]|[12][0-9]|3[01])([/.-])(?:0?[1-9]|[12][0-9]|3[01])\1(?:(?:1[89]|20)[0-9]{2}|[0-9]{2})(?![0-9/-]|\.[0-9])<time>)re"},
        {"DATE", "date-day-and-month", 0.8F, "two numbers after a word of time",
         R"re((?i)<b>(?:on|since|until|till|from|by|dated?|seen|visit|admitted|discharged|adm|dos|dob|date|effective|due|before|after)[:\s]{1,3}\K(?:0?[1-9]|[12][0-9]|3[01])[/-](?:0?[1-9]|[12][0-9]|3[01])(?![0-9/%]|[.-][0-9]| ?(?:mg|mcg|ml|strength|pain|weeks|days)))re"},
        {"DATE", "date-month-slash-year", 0.85F, "month and year",
         R"re((?<![0-9/.-])(?:0[1-9]|1[0-2])/(?:19|20)[0-9]{2}(?![0-9/]))re"},
        {"DATE", "date-month-alone", 0.7F, "a month after a word of time",
         R"re(<b>(?i:in|since|last|this|next|early|late|mid|until|till|during|by|from|of|end of|beginning of)[ -]\K(?:Jan(?:uary)?|Feb(?:ruary)?|March|April|May|June|July|Aug(?:ust)?|Sept(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)<e>)re"},
        {"DATE", "date-ordinal", 0.7F, "a day of the month",
         R"re((?i)<b>(?:on|until|by|since) the \K(?:[12]?[0-9](?:st|nd|rd|th)|3[01](?:st|th))(?![0-9\p{L}]| (?:day|week|percentile|floor|visit|dose|attempt|rib|toe|finger|metatarsal|grade|line|cycle|postoperative|post)))re"},
        {"DATE", "date-compact", 0.85F, "eight digits after a word of time",
         R"re((?i)<b>(?:dob|date|birth|admitted|dos)<is>\K(?:(?:19|20)[0-9]{6}|[0-3][0-9]{3}(?:19|20)[0-9]{2})<e>)re"},
        {"DATE", "date-holiday", 0.7F, "a feast day",
         R"re(<b>(?:Christmas(?: Eve| Day)?|Thanksgiving(?: Day)?|Easter(?: Sunday| Monday)?|New Year['’]s (?:Eve|Day)|Halloween|Labor Day|Memorial Day|Independence Day|Valentine['’]s Day)<year><e>)re"},
        {"AGE", "age-over-89", 0.95F, "an age above 89",
         R"re((?i)<b>(?:(?:aged?|age[:]|age of|age is|turned|turning|turns|died at|lived to|died aged)[\s:]{1,2}\K(?:9[0-9]|1[0-2][0-9])(?![0-9/.])|(?:9[0-9]|1[0-2][0-9])(?=[\s-]{0,2}(?:years?|yrs?|y\.?[\s/]?o\b|y/?o\b|year-old|yo[MF]?\b))))re"},
        {"AGE", "age-in-commas", 0.8F, "an age above 89 behind a name",
         R"re(\p{L}, \K(?:9[0-9]|10[0-9])(?=,? (?:of|from|died|passed|is|was|lives)\b))re"},
        // 4 and 5 telephone and fax
        {"PHONE", "phone-north-american", 0.9F, "ten digits grouped as a telephone number",
         R"re((?<![\p{L}0-9.-])(?:(?:\+|00)?1[-. ]{0,2}|001[-. ])?(?:\([0-9]{3}\)[-. ]{0,2}|[0-9]{3}[-. ]{1,2})[0-9]{3}[-. ]{1,2}[0-9]{4}(?:[ ,]{0,2}(?:x|ext\.?|extension) ?[0-9]{1,6})?(?![\p{L}0-9]|-[0-9]))re"},
        {"PHONE", "phone-international", 0.9F, "a country code and digits",
         R"re((?<![\p{L}0-9])(?:\+|\(\+)[0-9]{1,3}\)?(?:[ .-]{0,2}(?:\(0?[0-9]{0,4}\)|[0-9]{1,5})){2,6}(?:x[0-9]{1,6})?(?![0-9]))re"},
        {"PHONE", "phone-groups", 0.6F, "eight digits or more in groups",
         R"re((?<![\p{L}0-9.,/:-])(?=(?:[ .()-]{0,3}[0-9]){8,13}(?![0-9]))\(?[0-9]{2,5}\)?(?:[ .-]{1,2}[0-9]{2,8}){1,5}(?:x[0-9]{1,6})?(?![\p{L}0-9/%]|[.,-][0-9]))re"},
        {"PHONE", "phone-local", 0.65F, "three and four digits",
         R"re((?<![\p{L}0-9.,/:-])[0-9]{3}-[0-9]{4}(?:x[0-9]{1,6})?(?![\p{L}0-9/%]|[.,-][0-9]))re"},
        {"PHONE", "phone-slash", 0.7F, "an area code, a stroke and a number",
         R"re((?<![\p{L}0-9./-])\(?0[0-9]{1,4}\)? ?/ ?[0-9]{2,4} ?[0-9]{3,6}(?![0-9/]))re"},
        {"PHONE", "phone-extension", 0.6F, "an x and four or five digits",
         R"re((?<![\p{L}0-9.])[xX][0-9]{4,5}(?![\p{L}0-9]| ?m))re"},
        {"PHONE", "phone-context", 0.9F, "digits after a word for telephone",
         R"re((?i)<b>(?:phone|telephone|tel|cell|mobile|mob|desk|office|pager|beeper|fax|call|contact|reach|text|whatsapp|callback|ext|extension|ph|tel no|phone number|calls? me|messages to|someone|registered|answering at)\b[^0-9\n+(]{0,24}\n?[ ]{0,4}\K[+(]{0,2}[0-9][0-9().x -]{4,22}[0-9](?![0-9/%]))re"},
        {"PHONE", "phone-office", 0.9F, "digits before a word for telephone",
         R"re((?i)(?<![\p{L}0-9])[+(]?[0-9][0-9().x -]{5,20}[0-9](?=[ -]{1,2}(?:office|fax|mobile|cell|phone|home|work|desk)\b))re"},
        // 6, 14, 15 the net
        {"EMAIL", "email", 1.0F, "the form of an e-mail address",
         R"re((?<![\p{L}0-9._%+-])[\p{L}0-9._%+'-]{1,64}(?: ?\(?\[?at\]?\)? ?(?<=[\])] |[\])])|@)[\p{L}0-9](?:[\p{L}0-9-]{0,62}\.){1,6}\p{L}{2,24}(?![\p{L}0-9]))re"},
        {"URL", "url", 1.0F, "a scheme or www",
         R"re((?i)<b>(?:(?:https?|ftp|sftp)://|www\.)[^\s<>"'\])]{2,500}(?<![.,;:!?]))re"},
        {"URL",
         "domain", 0.8F, "the form of a host name", R"re((?i)(?<![\p{L}0-9@._-])(?:[a-z0-9][a-z0-9-]{0,62}\.){1,4}(?:com|org|net|edu|gov|info|io|co\.uk|ac\.uk|nhs\.uk|de|fr|health|med|eu|biz|ca|ch|nl)(?:/[^\s<>"'\])]{0,300})?(?<![.,;:!?])(?![\p{L}0-9-]|\.[\p{L}0-9]))re"},
        {"IPADDR", "ipv4", 0.95F, "four numbers up to 255",
         R"re((?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9]|\.[0-9]))re", is_ipv4,
         Check::required},
        {"IPADDR", "ipv6", 0.95F, "groups of hexadecimal digits",
         R"re((?i)(?<![0-9a-f:.])(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?=[0-9a-f:]{0,39}[a-f0-9]{3})(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}|(?:[0-9a-f]{1,4}:){2,7}:)(?![0-9a-f:]))re"},
        {"DEVICE", "mac", 0.95F, "the address of a network device",
         R"re((?i)(?<![0-9a-f:-])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![0-9a-f:-]))re"},
        {"USERNAME", "username", 0.85F, "a word for a login before it",
         R"re((?i)<b>(?:user ?name|user id|userid|login|log-in|handle|screen name)(?: ?[:=] ?| is )\K[a-z0-9@_][a-z0-9._@-]{2,40}(?<![.]))re"},
        {"USERNAME", "handle", 0.8F, "an at sign before a word",
         R"re((?<![\p{L}0-9.@/])@[A-Za-z_][A-Za-z0-9_.]{2,30}(?<![.]))re"},
        // 7 social security
        {"SSN", "ssn", 0.85F, "three, two and four digits",
         R"re((?<![\p{L}0-9.-])[0-9]{3}([- ])[0-9]{2}\1[0-9]{4}(?![\p{L}0-9]|-[0-9]))re", is_ssn},
        {"SSN", "ssn-masked", 0.9F, "a number whose begin is hidden",
         R"re((?i)(?<![\p{L}0-9*])(?:xxx-xx|\*{3}-\*\*)-[0-9]{4}(?![0-9]))re"},
        {"SSN", "ssn-context", 0.95F, "a word for social security before it",
         R"re((?i)<b>(?:ssn|ss#|ss no|social security)(?: (?:number|no|num|card|#))?[\s:#.]{0,3}(?:is|was|ending in|ends in|last four|last 4)?[\s:#]{0,3}\K[0-9xX*][0-9xX* .-]{2,12}[0-9](?![0-9]))re"},
        // 8 medical record numbers
        {"MEDICALRECORD", "mrn", 0.95F, "a word for a record number before it",
         R"re((?i)<b>(?:mrn|mr ?#|mr no|m\.r\.n|med(?:ical)?\.? ?rec(?:ord)?s?|chart|emr|ehr|hospital (?:no|number|id|#)|record|unit (?:no|number|#)|(?:patient|pt)\.? ?(?:id|no\b|number|#|identifier)|nhs)<id>)re"},
        {"MEDICALRECORD", "nhs", 0.5F, "an NHS number",
         R"re((?<![0-9-])[0-9]{3} [0-9]{3} [0-9]{4}(?![0-9-]))re", is_nhs, Check::required},
        // 9 health plans
        {"HEALTHPLAN", "health-plan", 0.95F, "a word for a health plan before it",
         R"re((?i)<b>(?:insurance|insured|ins|policy|member|membership|subscriber|group|plan|beneficiary|bene|medicare|medicaid|payer|payor|coverage|hicn|mbi|hpbn|hpid|health ?plan|tricare|aetna|cigna|humana|bcbs|blue ?cross(?: blue ?shield)?|blue ?shield|united ?health(?:care)?|anthem|kaiser)\.?[\s:]{0,2}(?:plan|policy|member|group|benefits?|beneficiary|health|identification|insurance)?<id>)re"},
        {"HEALTHPLAN", "mbi", 0.9F, "the form of a Medicare number",
         R"re(<b>[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}<e>)re"},
        // 10 accounts
        {"ACCOUNT", "account", 0.9F, "a word for an account before it",
         R"re((?i)<b>(?:acct|account|a/c|invoice|billing|bill|encounter|visit (?:id|no|number|#)|csn|fin|har|routing|card|credit card|debit card|cc|iban|claim)<id>)re"},
        {"ACCOUNT", "card", 0.7F, "thirteen to nineteen digits",
         R"re((?<![\p{L}0-9.-])[0-9](?:[ -]?[0-9]){11,18}(?![\p{L}0-9]|[.-][0-9]))re", is_luhn},
        {"ACCOUNT", "iban", 0.8F, "the form of an IBAN",
         R"re((?i)<b>[a-z]{2}[0-9]{2} ?(?:[a-z0-9]{4} ?){2,7}[a-z0-9]{1,4}<e>)re", is_iban,
         Check::required},
        {"ACCOUNT", "iban-form", 0.8F, "the form of an IBAN",
         R"re((?i)<b>[a-z]{2}[0-9]{2}[a-z]{4}[0-9]{10,20}<e>)re"},
        {"ACCOUNT", "iban-groups", 0.8F, "the form of an IBAN in groups",
         R"re(<b>[A-Z]{2}[0-9]{2}(?: [A-Z0-9]{4}){3,7}(?: [A-Z0-9]{1,3})?<e>)re"},
        // 11 certificates and licences
        {"LICENSE", "license", 0.9F, "a word for a licence before it",
         R"re((?i)<b>(?:licen[sc]e|lic|driver['’]?s? licen[sc]e|dl|dl ?#|certificate|certification|cert|dea|npi|passport|registration|permit|upin)<id>)re"},
        {"LICENSE", "dea", 0.9F, "a DEA number", R"re(<b>[ABCDEFGHJKLMPRSTUX][A-Z9][0-9]{7}<e>)re",
         is_dea, Check::required},
        // 12 vehicles
        {"VEHICLE", "vin", 0.9F, "a vehicle identification number",
         R"re(<b>[A-HJ-NPR-Z0-9]{17}<e>)re", is_vin, Check::required},
        {"VEHICLE", "plate", 0.9F, "a word for a vehicle before it",
         R"re((?i)<b>(?:licen[sc]e plate|number plate|plate|vehicle|vin|tag)<id>)re"},
        // 13 devices
        {"DEVICE", "device", 0.9F, "a word for a device before it",
         R"re((?i)<b>(?:serial|s/n|ser\.? no|udi|device|implant|pacemaker|lot|imei|model)(?: (?:serial|identifier|id))?<is>\K#?(?=[A-Za-z/-]{0,12}[0-9])(?=[A-Za-z0-9/-]{0,3}[A-Za-z0-9/-]{4})[A-Za-z0-9](?:[A-Za-z0-9]|[/-](?=[A-Za-z0-9])){3,30})re"},
        // 16 biometric
        {"BIOID", "biometric", 0.85F, "a word for a biometric record before it",
         R"re((?i)<b>(?:fingerprint|voiceprint|retinal? scan|iris scan|biometric|faceprint)(?: (?:id|template|record|hash))<id>)re"},
        {"PHOTO", "photo-file", 0.7F, "the name of a picture file",
         R"re((?i)(?<![\p{L}0-9_.-])[\p{L}0-9_-]{1,80}\.(?:jpe?g|png|heic|tiff?|bmp|gif)<e>)re"},
        // 18 other numbers
        {"IDNUM", "id-context", 0.85F, "a word for an identifier before it",
         R"re((?i)<b>(?:id|identifier|identification|accession|specimen|case|reference|ref|study id|subject|employee|badge|confirmation|tracking|order|rx|prescription|ticket|token|ein|tin|study|participant)(?: (?:no|number|num|id|#))?[\s:#.]{0,3}(?:is |was )?\K#?(?=[A-Za-z/-]{0,12}[0-9])(?=[A-Za-z0-9/-]{0,2}[A-Za-z0-9/-]{4})[A-Za-z0-9](?:[A-Za-z0-9]|[/-](?=[A-Za-z0-9])){3,30})re"},
        {"IDNUM", "id-letters-digits",
         0.7F, "letters and digits as in record numbers", R"re(<b>#?(?!NCT[0-9])(?:[A-Z]{1,5}[-#]?[0-9]{5,12}|[0-9]{4,12}-?[A-Z]{1,5}|[A-Z]{1,5}-[0-9]{2,8}-[A-Z0-9]{1,8}|[A-Z]{1,3}[0-9]{2}-[0-9]{4,8}|[A-Z]{2,5}-[0-9]{4,12})(?:-[A-Z0-9]{1,8})?(?![\p{L}0-9_]))re"},
        {"IDNUM", "id-groups", 0.7F, "groups of digits with hyphens",
         R"re((?<![\p{L}0-9./-])[0-9]{3,6}-[0-9]{2,6}(?:-[0-9]{2,6}){1,3}(?:-[A-Z]{1,4})?(?![\p{L}0-9/]|[-.][0-9]))re"},
        {"IDNUM", "id-pair", 0.65F, "two groups of digits with a hyphen",
         R"re((?<![\p{L}0-9./-])(?!(?:19|20)[0-9]{2}-(?:19|20)[0-9]{2})[0-9]{4,8}-[0-9]{4,8}(?![\p{L}0-9/%]|[-.][0-9]))re"},
        {"IDNUM", "id-digits", 0.65F, "seven digits or more",
         R"re((?<![\p{L}0-9.,/#-])#?[0-9]{7,20}(?![\p{L}0-9]|[.,/-][0-9]))re"},
        {"IDNUM", "id-hash", 0.7F, "a number sign before digits",
         R"re((?<![\p{L}0-9])#[A-Z]{0,4}-?[0-9]{4,12}(?![0-9]))re"},
        {"IDNUM", "uuid", 1.0F, "the form of a UUID",
         R"re((?i)<b>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}<e>)re"},
        // not among the eighteen, but a policy may hide it
        {"PROFESSION", "profession", 0.8F, "a word for work before it",
         R"re((?i)<b>(?:(?:works?|worked|working|employed|a job|trained) as (?:an? )?|(?:occupation|profession|job title)[ ]{0,2}:[ ]{0,2})\K(?!(?:tolerated|needed|directed|prescribed|expected|usual|before|well|a)\b)\p{L}{3,20}(?:[ -](?!(?:at|in|for|and|but|who|with|of|on|since|until|from|by|or|before|after|when|the|is|was|has)\b)\p{L}{2,20}){0,2})re"},
        {"PROFESSION", "profession-retired", 0.7F, "the word retired before it",
         R"re((?i)<b>(?:retired|former) \K(?:\p{L}{3,16} ){0,2}\p{L}{2,16}(?:er|or|ist|ian|man|woman|ant|yer|eer|ic)<e>)re"},
        {"PROFESSION", "profession-trade", 0.8F, "the word trade behind it",
         R"re((?i)<b>\p{L}{4,20}(?= by (?:trade|profession)<e>))re"},
        // 2 postal codes and military addresses
        {"STREET", "ship", 0.9F, "the name of a ship",
         R"re((?i)<b>(?:USNV|USNS|USS|USCGC) \p{L}{3,30})re"},
        {"ZIP", "military", 0.9F, "a military postal code",
         R"re((?i)<b>(?:FPO|APO|DPO),? A[AEP],? [0-9]{5}<e>)re"},
        {"ZIP", "zip-context", 0.9F, "a word for a postal code before it",
         R"re((?i)<b>(?:zip ?code|zip|postal code|post ?code|plz)[\s:#]{1,3}(?:is |was )?\K(?=[A-Z -]{0,3}[0-9])[A-Z0-9]{2,6}(?:[ -](?=[A-Z]{0,2}[0-9]|[A-Z]{2}<e>)[A-Z0-9]{2,4})?<e>)re"},
        {"ZIP", "zip-state", 0.9F, "a postal code of a state before it",
         R"re(<b>(?:A[ABEKLPRSZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY])[,.]?\s{1,3}\K[0-9]{5}(?:-[0-9]{4})?(?![0-9]))re"},
        {"ZIP", "zip-plus-4", 0.7F, "the form of ZIP+4",
         R"re((?<![\p{L}0-9./-])[0-9]{5}-[0-9]{4}(?![0-9-]))re"},
        {"ZIP", "postcode-uk", 0.9F, "the form of a British postcode",
         R"re(<b>(?:[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][ABD-HJLNP-UW-Z]{2})<e>)re"},
        {"ZIP", "postcode-ca", 0.95F, "the form of a Canadian postal code",
         R"re(<b>(?!T[0-4]N[0-3]M[01])[ABCEGHJ-NPRSTVXY][0-9][A-Z] ?[0-9][A-Z][0-9]<e>)re"},
};

}  // namespace medlar::clinical
