"""Invented values for make_deid_notes.py: people, places, dates, numbers, each as [(text, label or None)]."""

import re
import zlib

MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december"]
SYLLABLES = ("ba ka ri to mi len dor vas hel nu qui sha tre zo wen fal gri ost und ek ari jo bel mar tin ov sky dze "
             "pol ra thi ngo bu che xi lo fen wick ham ton ber got ros el va ni").split()
PARTICLES = ["de la ", "van der ", "von ", "O'", "Mc", "Al-", "El ", "St. ", "Di ", "Ben "]
STATES = ("AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK "
          "OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC ON BC QC NSW").split()
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def capitals(name):
    return re.sub(r"(^|[ \-'])(\w)", lambda m: m[1] + m[2].upper(), name)


def is_devel(name):
    """A seventh of all names is kept for devel."""
    return zlib.crc32(name.lower().encode()) % 7 == 0


class Values:
    def __init__(self, rng, words, part):
        self.rng, self.part = rng, part
        self.words = {name: self.mine(members) if name.split("_")[0] in
                      ("given", "family", "cities", "city", "facilities", "street", "org", "profession") else members
                      for name, members in words.items()}
        self.origins = sorted(name[6:] for name in words if name.startswith("given_")
                              and name not in ("given_names", "given_word"))
        self.people = {}

    def mine(self, members):
        chosen = [m for m in members if is_devel(m) == (self.part == "devel")]
        return chosen or members

    def new_document(self):
        self.people = {}

    def pick(self, name):
        return self.rng.choice(self.words[name])

    def digits(self, form):
        """'#' becomes a digit, '@' a capital letter."""
        return "".join(str(self.rng.randrange(10)) if c == "#" else self.rng.choice(LETTERS) if c == "@" else c
                       for c in form)

    def number(self, *forms):
        return self.digits(self.rng.choice(forms))

    def invented(self):
        return "".join(self.rng.choice(SYLLABLES) for _ in range(self.rng.choice([2, 2, 3, 3]))).capitalize()

    # People

    def person(self, index):
        if index not in self.people:
            draw = self.rng.random()
            if draw < 0.45:
                origin = self.rng.choice(self.origins)
                given, family = self.pick(f"given_{origin}"), self.pick(f"family_{origin}").replace("-", self.rng.choice("- "))
            elif draw < 0.78:
                given, family = capitals(self.pick("given_names")), capitals(self.pick("family_names"))
            elif draw < 0.9:
                given, family = capitals(self.pick("given_names")), self.invented()
            elif draw < 0.96:
                given, family = self.pick("given_word"), self.pick("family_word")
            else:
                given, family = self.invented(), self.rng.choice(PARTICLES) + self.invented()
            if self.rng.random() < 0.08:
                family += self.rng.choice(["-", " "]) + capitals(self.pick("family_names"))
            self.people[index] = (given, family)
        return self.people[index]

    def name(self, index, form):
        rng = self.rng
        if form == "word":
            return self.pick("given_word")
        if form == "wordlast":
            self.people[index] = (self.pick("given_word"), self.pick("family_word"))
        if form == "eplast":
            self.people[index] = (self.pick("given_names"), self.pick("family_eponym"))
        given, family = self.person(index)
        initial = rng.choice(LETTERS)
        if form in ("last", "wordlast", "eplast"):
            return family
        if form == "first":
            return given
        if form == "ini":
            return rng.choice([f"{given} {family[0]}.", f"{given[0]}. {family}", f"{given[0]}.{family[0]}.",
                               f"{given} {family[0]}", f"{given[0]} {family}", f"{given[0]}. {initial}. {family}"])
        if form == "initials":
            return rng.choice([f"{given[0]}{family[0]}", f"{given[0]}. {family}", f"{given} {family[0]}."])
        if form == "inv":
            return rng.choice([f"{family}, {given}", f"{family}, {given} {initial}.", f"{family}, {given} {initial}",
                               f"{family.upper()}, {given.upper()}", f"{family.upper()},{given.upper()} {initial}",
                               f"{family} {given}", f"{family}, {given[0]}."])
        if form == "upper":
            return f"{given} {family}".upper()
        if form == "any":
            form = rng.choice(["full", "full", "ini", "last", "inv", "first"])
            return self.name(index, form)
        suffix = " " + self.pick("suffix") if rng.random() < 0.05 else ""
        return rng.choice([f"{given} {family}"] * 5 + [f"{given} {initial}. {family}", f"{given} {initial} {family}",
                          f"{given} {self.pick('given_names').capitalize()} {family}"]) + suffix

    def someone(self, who, index, form):
        label = "DOCTOR" if who == "d" else "PATIENT"
        if form == "cred":
            name, credential = self.name(index, self.rng.choice(["full", "full", "ini"])), self.pick("credential")
            return self.rng.choice([[(name, label), (f", {credential}", None)], [(name, label), (f" {credential}", None)],
                                    [("Dr. ", None), (name, label)], [("Dr ", None), (name, label)],
                                    [("Dr. ", None), (self.name(index, "last"), label)]])
        if form == "title":
            title = self.rng.choice(["Mr. ", "Mrs. ", "Ms. ", "Mr ", "Ms ", "Miss ", "Mrs ", "Master ", ""])
            return [(title, None), (self.name(index, self.rng.choice(["last", "last", "full"]) if title else "full"), label)]
        return [(self.name(index, form), label)]

    # Places

    def city(self, _=None):
        draw = self.rng.random()
        name = (self.pick("city_extra") if draw < 0.15 else self.invented() if draw < 0.3 else
                f"{self.pick('nature')} {self.pick('nature2')}" if draw < 0.36 else
                self.rng.choice(["North ", "New ", "Port ", "Lake ", "San ", "Saint-", "Fort ", "Bad ", "El "]) + self.invented()
                if draw < 0.44 else self.pick("cities").title())
        return [(name + self.rng.choice([""] * 18 + ["ville", " City"]), "CITY")]

    def state(self, form):
        abbreviation = form == "abbr" or self.rng.random() < 0.4
        name = self.rng.choice(STATES) if abbreviation else self.pick("states")
        return [(name if len(name) < 4 else name.title(), "STATE")]

    def street(self, form):
        rng = self.rng
        name = rng.choice([self.pick("street_name"), self.pick("street_name"), self.pick("family_names").title(),
                           self.invented(), f"{rng.randint(1, 99)}th", f"{self.pick('nature')} {self.pick('nature2')}"])
        side = rng.choice(["", "", "", "N. ", "S ", "East ", "W "])
        if form == "name":
            return [(rng.choice([name, side + name, re.sub(r" ?,? ?(No[:.])?\{n\}", "", self.pick("street_foreign"))]), "STREET")]
        if rng.random() < 0.3:
            return [(self.pick("street_foreign").replace("{n}", str(rng.randint(1, 990))), "STREET")]
        number = self.number("#", "##", "###", "####", "#####", "###-##", "##@", "##/#")
        text = f"{number} {side}{name} {self.pick('street_kind')}"
        if rng.random() < 0.1:
            text = rng.choice([f"P.O. Box {self.number('###', '####')}", f"PO Box {self.number('##', '#####')}", f"RR {self.number('#')} Box {self.number('##')}"])
        if rng.random() < 0.25:
            text += rng.choice([", ", " ", "\n"]) + self.unit("")[0][0]
        return [(text, "STREET")]

    def unit(self, _):
        return [(self.rng.choice(["Apt. ", "Apt ", "Suite ", "Unit ", "#", "Flat ", "Ste ", "Floor ", "Room "])
                 + self.number("#", "##", "###", "#@", "@"), "STREET")]

    def zip(self, _=None):
        return [(self.number("#####", "#####", "#####", "#####-####", "@# #@@", "@@## #@@", "@#@ #@#", "####", "######", "## ###",
                             "#### @@", "###-####", "##-###"), "ZIP")]

    def country(self, _=None):
        return [(self.pick("countries").title().replace(" And ", " and ").replace(" Of ", " of "), "COUNTRY")]

    def address(self, form):
        rng = self.rng
        gap = "\n" if form == "lines" else rng.choice([", ", ", ", " ", "\n", "\n "])
        street, city, state, code, country = self.street(""), self.city(), self.state("abbr"), self.zip(), self.country()
        c, s = [(gap, None)], [(rng.choice([" ", ", "]), None)]
        return rng.choice([street + c + city + [(", ", None)] + state + [(" ", None)] + code,
                           street + c + city + s + state + s + code, street + c + code + [(" ", None)] + city,
                           street + c + city + c + country + s + code, street + c + city, street + c + city + s + code,
                           street + c + code + [(" ", None)] + city + c + country, street + c + city + c + country, street])

    def hospital(self, _=None):
        rng, kind = self.rng, self.pick("facility_kind")
        place = self.city()[0][0]
        name = rng.choice([
            f"{place} {kind}", f"{place} {kind}", f"St. {self.pick('saint')}'s {kind}", f"St {self.pick('saint')} Hospital",
            f"{self.person_name()} Memorial Hospital", f"{self.pick('nature')} {self.pick('nature2')} {kind}",
            f"{self.pick('facility_name')} {kind}", f"{self.pick('facility_name')} {place}", f"{self.invented()} {kind}",
            f"{place} General", f"{place} VA", f"{self.pick('nature')} {self.pick('nature2')}",
            capitals(self.pick("facilities")), capitals(self.pick("facilities")), f"University of {place} {kind}",
            f"Klinikum {place}", f"Hôpital {self.pick('given_french')}", f"Hospital San {self.pick('given_hispanic')}",
            f"{self.person_name()} {kind}", f"{rng.choice(LETTERS)}{rng.choice(LETTERS)}{rng.choice('HMC')}H",
            f"{self.pick('nature')} {rng.choice(['Pharmacy', 'Manor', 'Hospice', 'Nursing Home', 'Rehab', 'Dialysis', 'Assisted Living', 'Clinic'])}",
            f"{place} {rng.choice(['Pharmacy', 'Manor', 'Nursing Home', 'Rehab', 'Clinic', 'Health Centre', 'Surgery', 'Infirmary'])}"])
        return [(name, "HOSPITAL")]

    def person_name(self):
        return capitals(self.pick("family_names")) if self.rng.random() < 0.6 else self.invented()

    def org(self, _=None):
        rng, name = self.rng, self.person_name
        return [(rng.choice([self.pick("org_name"), self.pick("org_name"), f"{name()} {self.pick('org_kind')}",
                             f"{name()}, {name()} and {name()}", f"{name()}-{name()}", f"{name()} and Sons",
                             f"{self.invented()}{rng.choice(['tech', 'soft', 'ix', 'ia', 'works', ''])}",
                             f"{self.city()[0][0]} {self.pick('org_kind')}", f"University of {self.city()[0][0]}",
                             f"{self.pick('nature')} {self.pick('org_kind')}", f"{name()} Group", f"{name()} PLC"]),
                 "ORGANIZATION")]

    # Dates and numbers

    def date(self, form):
        rng = self.rng
        d, m, y = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1925, 2026)
        month = MONTHS[m - 1].title()
        short = rng.choice([month[:3], month[:3] + ".", month, month])
        th = "th" if 3 < d < 21 else {1: "st", 2: "nd", 3: "rd"}.get(d % 10, "th")
        if form == "compact":
            return [(f"{y}{m:02}{d:02}" + rng.choice(["", "", f"{rng.randint(0, 23):02}{rng.randint(0, 59):02}"]), "DATE")]
        if form == "partial":
            return [(rng.choice([month, f"{month} {y}", f"{short} {d}", f"{m}/{d}", f"{month} {d}{th}", f"{m:02}/{y}",
                                 f"{short} {y}", f"the {d}{th}", f"{m}/{y % 100:02}", f"{short} '{y % 100:02}",
                                 f"{d} {short}", f"{d}/{m}", f"the {d}{th} of {month}"]), "DATE")]
        return [(rng.choice([f"{m}/{d}/{y}", f"{m:02}/{d:02}/{y}", f"{m}/{d}/{y % 100:02}", f"{month} {d}, {y}", f"{short} {d}, {y}",
                             f"{month} {d}{th}, {y}", f"{d} {month} {y}", f"{d:02}-{month[:3]}-{y}", f"{y}-{m:02}-{d:02}",
                             f"{d:02}.{m:02}.{y}", f"{d}/{m}/{y}", f"{m}-{d}-{y}", f"{d}{th} of {month} {y}", f"{month[:3].upper()} {d} {y}",
                             f"{d}-{month[:3].upper()}-{y % 100:02}", f"{short} {d}", f"{m}/{d}", f"{month} {d}{th}", f"{d}.{m}.{y % 100:02}",
                             f"{y}/{m:02}/{d:02}", f"{d}{month[:3].upper()}{y}", f"{month} of {y}", f"{m:02}{d:02}{y}"]), "DATE")]

    def phone(self, _):
        return [(self.number("(###) ###-####", "###-###-####", "###.###.####", "### ### ####", "+1 ### ### ####", "1-###-###-####",
                             "###-####", "##########", "(###)###-####", "### ###-#### x###", "###-###-#### ext. ##", "+44 20 #### ####",
                             "0### ### ####", "07### ######", "+49 ### #######", "0## / ######", "+33 # ## ## ## ##", "0# ## ## ## ##",
                             "+91 ##### #####", "+86 1## #### ####", "+34 ### ### ###", "(0#) #### ####", "+61 4## ### ###",
                             "+81-##-####-####", "+84 ## ### ####", "+48 ### ### ###", "x####", "(##) ###-###", "### ## ##", "## ## ## ##",
                             "+55 (##) #####-####", "001-###-###-####x###", "555-####"), "PHONE")]

    def login(self):
        given, family = self.person(self.rng.choice([1, 2, 91]))
        given, family = (re.sub(r"\W", "", n).lower() for n in (given, family))
        return self.rng.choice([f"{given}.{family}", f"{given[0]}{family}", f"{family}{self.number('##', '#')}", f"{given}_{family}",
                                f"{given}{self.number('##', '####')}", f"{given}-{family[0]}"])

    def email(self, _):
        domain = self.pick("domain") if self.rng.random() < 0.6 else f"{self.invented().lower()}.{self.pick('tld')}"
        return [(f"{self.login()}@{domain}", "EMAIL")]

    def username(self, _):
        return [(self.rng.choice(["", "", "@"]) + self.login(), "USERNAME")]

    def url(self, _):
        host = f"{self.rng.choice(['www.', '', 'portal.'])}{self.invented().lower()}.{self.pick('tld')}"
        return [(self.rng.choice(["http://", "https://", ""]) + host + self.rng.choice(["", "/", f"/{self.login()}", "/a?id=" + self.number("###")]), "URL")]

    def ids(self, label, forms):
        return [(self.number(*forms), label)]

    NUMBERS = {
        "mrn": ("MEDICALRECORD", ["########", "#######", "######", "##-##-##", "@@-######", "@@@-######", "###-##-####", "MR######", "#####-@@",
                                  "@######", "### ### ####", "##########", "@@#####", "###-####", "H########", "#-#######"]),
        "plan": ("HEALTHPLAN", ["@@@#########", "@@-######", "#########@", "@########", "#@@#-@@#-@@##", "###-##-####@", "@@@-####-####", "#########",
                                "##########", "@@#######", "#####-##"]),
        "account": ("ACCOUNT", ["##########", "########", "@#########", "####-####", "AC-######", "############", "######-#"]),
        "license": ("LICENSE", ["@@#######", "##########", "@#######", "@@-#####", "MD######", "@########", "#######", "@###-####-####", "DL####-####"]),
        "ssn": ("SSN", ["###-##-####", "###-##-####", "### ## ####", "#########", "XXX-XX-####", "***-**-####"]),
        "idnum": ("IDNUM", ["@##-#####", "########", "@@@#######", "@-####-#####", "#####", "@@-####", "##@#####", "######-#", "##-######", "@@@@-###"]),
        "device": ("DEVICE", ["@@@######", "SN#########", "@#@#@#@#", "##########", "@@-####-@@", "@#####@", "LOT#####", "PM-######"]),
        "vehicle": ("VEHICLE", ["@@@ ####", "#@@@###", "@@## @@@", "@@@-###", "@@ @@ ###", "####@@"]),
        "vin": ("VEHICLE", ["#@@@@##@#########", "@@#@@##@#@@######"]),
        "card": ("ACCOUNT", ["################", "#### #### #### ####", "####-####-####-####", "###############"]),
        "iban": ("ACCOUNT", ["DE##################", "GB##@@@@##############", "FR## #### #### #### #### #### ###", "NL##@@@@##########"]),
        "mac": ("DEVICE", ["##:@#:##:#@:##:##", "0#-1#-2#-3#-4#-5#"]),
    }

    # What identifies nobody

    def plain(self, name):
        rng = self.rng
        n = rng.randint
        made = {
            "n": lambda: str(n(10, 99)), "n1": lambda: str(n(1, 9)), "year": lambda: str(n(1950, 2026)),
            "time": lambda: rng.choice([f"{n(0, 23):02}:{n(0, 59):02}", f"{n(1, 12)}:{n(0, 59):02} {rng.choice(['AM', 'pm', 'a.m.'])}",
                                        f"{n(0, 23):02}{n(0, 59):02}", f"{n(1, 12)}pm"]),
            "dose": lambda: rng.choice([f"{n(1, 90) * 5} mg", f"{n(1, 9)}.{n(1, 9)} mg {rng.choice(['BID', 'daily', 'qHS', 'PRN'])}", f"{n(1, 50)} units",
                                        f"{n(1, 99)}mcg/hr", f"{n(1, 20)} mL", f"{n(1, 9)}g IV q{n(2, 8)}h", f"{n(10, 900)}mg PO daily"]),
            "duration": lambda: f"{n(2, 12)} {rng.choice(['days', 'weeks', 'months', 'years', 'hours', 'wks', 'mos'])}",
            "lab": lambda: rng.choice([f"{self.pick('lab')} {n(1, 300)}", f"{self.pick('lab')} {n(1, 20)}.{n(0, 9)}", f"{self.pick('lab')}: {n(1, 150)} mg/dL",
                                       f"{self.pick('lab')} <0.{n(1, 9)}", f"{self.pick('lab')} {n(1, 20)}.{n(0, 9)} (H)"]),
            "vital": lambda: rng.choice([f"BP {n(90, 180)}/{n(50, 100)}", f"HR {n(50, 130)}, RR {n(10, 30)}", f"T {n(96, 103)}.{n(0, 9)} F",
                                         f"SpO2 {n(85, 100)}% RA", f"Wt {n(40, 120)} kg", f"BMI {n(18, 50)}.{n(0, 9)}", f"{n(90, 180)}/{n(50, 100)} {n(50, 130)} {n(10, 30)} 98.{n(0, 9)}"]),
            "weekday": lambda: rng.choice("Monday Tuesday Wednesday Thursday Friday Saturday Sunday tomorrow".split()),
            "nationality": lambda: rng.choice("Italian French American Greek Indian Thai British Mexican Polish Danish Peruvian Somali".split()),
            "prefix": lambda: rng.choice(["Mr.", "Mrs.", "Ms.", "Dr.", "Miss", "Mr"]),
            "facility_kind_plain": lambda: rng.choice(["hospital", "clinic", "nursing home", "rehab"]),
            "vehicle_make": lambda: rng.choice(["Ford", "Toyota", "red truck", "Honda"]), "cred": lambda: self.pick("credential"),
            "disease": lambda: self.pick("disease") if rng.random() < 0.6 else self.pick("rare_disease"),
        }
        return made[name]() if name in made else self.pick(name)

    def slot(self, slot):
        name, _, form = slot.partition(":")
        who = re.fullmatch(r"([pd])(\d?)", name)
        if who:
            return self.someone(who[1], (50 if who[1] == "d" else 0) + int(who[2] or 1), form)
        if name in self.NUMBERS:
            return self.ids(*self.NUMBERS[name])
        if name == "age":
            return [(str(self.rng.randint(1, 89)), None)]
        if name == "age90":
            return [(str(self.rng.randint(90, 108)), "AGE")]
        if name == "building":
            return [(self.number("#", "##", "###", "####"), "STREET")]
        if name == "ip":
            return [(".".join(str(self.rng.randint(1, 254)) for _ in range(4)) if self.rng.random() < 0.8 else
                     ":".join(f"{self.rng.randrange(65536):x}" for _ in range(8)), "IPADDR")]
        if name == "profession":
            text = self.pick("profession")
            return [(text.capitalize() if form == "title" else text, "PROFESSION")]
        made = getattr(self, name, None) if name in ("city", "state", "street", "unit", "zip", "country", "address", "hospital",
                                                    "org", "date", "phone", "email", "username", "url") else None
        return made(form) if made else [(self.plain(name), None)]
